//! Content -> the tokens of one statement after the other: a line, or several in parentheses.

use crate::give_up::{GiveUp, Result};

/// A word, or what stands in quotes; with its escapes.
#[derive(Clone, Copy)]
pub struct Token<'a> {
    pub text: &'a [u8],
    pub quoted: bool,
    /// Whether it belongs to the one before: `alpn="h2"` is two tokens (RFC 9460 2.1).
    pub glued: bool,
}

/// Where a statement began.
pub struct Start {
    pub line: u32,
    /// Then the owner is that of the record before.
    pub is_blank: bool,
}

/// What is left of a file.
pub struct Tokens<'a> {
    content: &'a [u8],
    at: usize,
    line: u32,
}

impl<'a> Tokens<'a> {
    /// Its lines are numbered from here on.
    pub const fn new(content: &'a [u8], line: u32) -> Self {
        Self { content, at: 0, line }
    }

    /// Reads the tokens of the next statement that has some; none at the end of the file.
    pub fn statement(&mut self, into: &mut Vec<Token<'a>>) -> Result<Option<Start>> {
        into.clear();
        while self.at < self.content.len() {
            let start = Start { line: self.line, is_blank: matches!(self.content[self.at], b' ' | b'\t') };
            self.tokens(into)?;
            if !into.is_empty() {
                return Ok(Some(start));
            }
        }
        Ok(None)
    }

    fn tokens(&mut self, into: &mut Vec<Token<'a>>) -> Result<()> {
        let mut parentheses = 0;
        while let Some(&octet) = self.content.get(self.at) {
            match octet {
                b'\n' => {
                    self.at += 1;
                    self.line += 1;
                    if parentheses == 0 {
                        return Ok(());
                    }
                }
                b' ' | b'\t' => self.at += 1,
                b';' => self.at = self.end(self.at, |octet| octet == b'\n')?,
                b'(' => {
                    parentheses += 1;
                    self.at += 1;
                }
                b')' if parentheses == 0 => return Err(GiveUp),
                b')' => {
                    parentheses -= 1;
                    self.at += 1;
                }
                b'"' => {
                    let end = self.end(self.at + 1, |octet| octet == b'"' || octet == b'\n')?;
                    if self.content.get(end) != Some(&b'"') {
                        return Err(GiveUp);
                    }
                    let glued = self.at > 0 && self.content[self.at - 1] == b'=' && is_word(into.last());
                    into.push(Token { text: &self.content[self.at + 1..end], quoted: true, glued });
                    self.at = end + 1;
                }
                _ => {
                    let end =
                        self.end(self.at, |octet| matches!(octet, b' ' | b'\t' | b'\n' | b';' | b'(' | b')' | b'"'))?;
                    into.push(Token { text: &self.content[self.at..end], quoted: false, glued: false });
                    self.at = end;
                }
            }
        }
        if parentheses == 0 {
            Ok(())
        } else {
            Err(GiveUp)
        }
    }

    /// Where the first octet is that ends something, and no escape made a part of it.
    fn end(&self, from: usize, ends: impl Fn(u8) -> bool) -> Result<usize> {
        let is_comment = self.content.get(from) == Some(&b';');
        let mut at = from;
        while let Some(&octet) = self.content.get(at) {
            if ends(octet) {
                return Ok(at);
            }
            if octet == b'\\' && !is_comment {
                at += 1;
                if matches!(self.content.get(at), None | Some(b'\n')) {
                    return Err(GiveUp);
                }
            }
            at += 1;
        }
        Ok(at)
    }
}

fn is_word(token: Option<&Token>) -> bool {
    token.is_some_and(|token| !token.quoted && token.text.ends_with(b"="))
}
