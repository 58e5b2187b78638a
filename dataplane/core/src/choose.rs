//! Outcome and coin -> the answers of one query, drawn as `gtm/engine/choose.py` draws.
//!
//! Each draw of one out of n takes `coin mod n` and leaves `coin div n` for the next.

use crate::plan::{Answer, Choose, Outcome};

const CNAME: u16 = 5;

/// Calls `take` with every answer that a query gets, and returns what is left of the coin.
///
/// A CNAME stands alone (RFC 2181 10.1): where one is drawn first nothing else is answered, elsewhere CNAMEs are left
/// out.
pub fn choose<'a>(outcome: &'a Outcome, coin: u64, deck: &mut Vec<u32>, mut take: impl FnMut(&'a Answer)) -> u64 {
    let answers = &outcome.answers;
    let size = answers.len();
    if size < 2 {
        answers.iter().for_each(take);
        return coin;
    }
    let count = if outcome.count == 0 { size } else { outcome.count.min(size) };
    match outcome.choose {
        Choose::All => alone(answers.iter(), take),
        Choose::One => {
            let (drawn, left) = weighted(outcome, coin);
            take(drawn);
            return left;
        }
        Choose::Rotate => {
            let start = (coin % size as u64) as usize;
            alone(answers[start..].iter().chain(&answers[..start]).take(count), take);
            return coin / size as u64;
        }
        Choose::Shuffle => {
            let mut coin = coin;
            deck.clear();
            deck.extend(0..size as u32);
            for place in 0..count {
                let left = (size - place) as u64;
                deck.swap(place, place + (coin % left) as usize);
                coin /= left;
            }
            alone(deck[..count].iter().map(|&number| &answers[number as usize]), take);
            return coin;
        }
    }
    coin
}

fn weighted(outcome: &Outcome, coin: u64) -> (&Answer, u64) {
    let answers = &outcome.answers;
    if outcome.total == 0 {
        let size = answers.len() as u64;
        return (&answers[(coin % size) as usize], coin / size);
    }
    let mut point = coin % outcome.total;
    for answer in answers {
        if point < answer.weight {
            return (answer, coin / outcome.total);
        }
        point -= answer.weight;
    }
    (&answers[answers.len() - 1], coin / outcome.total) // not reached: the point is below the sum of the weights
}

fn alone<'a>(mut drawn: impl Iterator<Item = &'a Answer>, mut take: impl FnMut(&'a Answer)) {
    let Some(first) = drawn.next() else { return };
    take(first);
    if first.rtype != CNAME {
        drawn.filter(|answer| answer.rtype != CNAME).for_each(take);
    }
}
