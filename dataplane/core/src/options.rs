//! The EDNS options that this server knows, and the walks over them (RFC 6891 6.1.2); the twin of `gtm/dns/options/`.
//!
//! A new option is a file in `options/`, its `mod` and a line in the table.

mod client_subnet;
mod extended_error;
mod option;

pub use client_subnet::Subnet;
use extended_error::ExtendedError;
use option::EdnsOption;

use crate::closing::Closing;
use crate::wire::Malformed;

/// OPTION-CODE, OPTION-LENGTH.
const HEAD: usize = 4;

/// Makes the options of a query of a table: a field and a type for each, in the order in which a reply has them.
macro_rules! table {
    ($(#[$documentation:meta])* $name:ident<$life:lifetime> { $($field:ident: $option:ty,)* }) => {
        $(#[$documentation])*
        #[derive(Clone, Copy, Default)]
        pub struct $name<$life> {
            $(pub $field: Option<$option>,)*
        }

        impl<$life> $name<$life> {
            /// Reads the RDATA of an OPT: of each option of the table the first, and no other.
            pub fn parse(mut rest: &$life [u8]) -> Result<Self, Malformed> {
                let mut options = Self::default();
                while !rest.is_empty() {
                    let (code, data) = next(&mut rest)?;
                    $(
                        if code == <$option>::CODE && options.$field.is_none() {
                            options.$field = Some(<$option>::parse(data)?);
                        }
                    )*
                }
                Ok(options)
            }

            /// How long the options of a reply are.
            pub fn octets(&self, closing: &Closing) -> usize {
                0 $(+ <$option>::octets(self.$field.as_ref(), closing).map_or(0, |octets| HEAD + octets))*
            }

            /// Writes the options of a reply.
            pub fn compose(&self, closing: &Closing, put: &mut impl FnMut(&[u8])) {
                $(
                    if let Some(octets) = <$option>::octets(self.$field.as_ref(), closing) {
                        put(&<$option>::CODE.to_be_bytes());
                        put(&(octets as u16).to_be_bytes());
                        <$option>::compose(self.$field.as_ref(), closing, put);
                    }
                )*
            }
        }
    };
}

table! {
    /// The options of a query.
    Options<'a> {
        subnet: Subnet<'a>,
        error: ExtendedError,
    }
}

/// The code and the data of the next option.
fn next<'a>(rest: &mut &'a [u8]) -> Result<(u16, &'a [u8]), Malformed> {
    let (head, behind) = rest.split_first_chunk::<HEAD>().ok_or(Malformed)?;
    let length = usize::from(u16::from_be_bytes([head[2], head[3]]));
    let (data, behind) = behind.split_at_checked(length).ok_or(Malformed)?;
    *rest = behind;
    Ok((u16::from_be_bytes([head[0], head[1]]), data))
}

#[cfg(test)]
#[allow(clippy::unwrap_used)]
mod tests {
    use super::*;

    const SUBNET: &[u8] = b"\x00\x08\x00\x07\x00\x01\x18\x00\x0a\x02\x03";
    const COUNT: &[u8] = b"\xfd\xe9\x00\x01\x06";
    const UNKNOWN: &[u8] = b"\xfd\xea\x00\x02xy";

    /// A made-up option: a reply has one more than was asked.
    #[derive(Clone, Copy)]
    pub struct Count(u8);

    impl<'a> EdnsOption<'a> for Count {
        const CODE: u16 = 65_001;

        fn parse(data: &'a [u8]) -> Result<Self, Malformed> {
            <[u8; 1]>::try_from(data).map(|[count]| Self(count)).map_err(|_| Malformed)
        }

        fn octets(asked: Option<&Self>, _: &Closing) -> Option<usize> {
            asked.map(|_| 1)
        }

        fn compose(asked: Option<&Self>, _: &Closing, put: &mut impl FnMut(&[u8])) {
            put(&[asked.map_or(0, |count| count.0 + 1)]);
        }
    }

    table! {
        More<'a> {
            subnet: Subnet<'a>,
            count: Count,
        }
    }

    #[test]
    fn an_option_of_the_table_is_read_and_written_beside_the_others() {
        let asked = [UNKNOWN, COUNT, SUBNET].concat();
        let (options, closing) = (More::parse(&asked).unwrap(), Closing::answer(Some(16)));
        let mut written: Vec<u8> = Vec::new();
        options.compose(&closing, &mut |octets| written.extend(octets));
        assert_eq!(written, b"\x00\x08\x00\x07\x00\x01\x18\x10\x0a\x02\x03\xfd\xe9\x00\x01\x07");
        assert_eq!(options.octets(&closing), written.len());
    }

    #[test]
    fn of_several_the_first_counts() {
        let asked = [COUNT, b"\xfd\xe9\x00\x01\x10"].concat();
        assert_eq!(More::parse(&asked).unwrap().count.unwrap().0, 6);
    }

    #[test]
    fn what_an_option_calls_malformed_is_and_so_is_a_list_that_ends_within_one() {
        assert!(More::parse(b"\xfd\xe9\x00\x02\x06\x07").is_err());
        for end in 1..COUNT.len() {
            assert!(More::parse(&COUNT[..end]).is_err());
        }
    }

    #[test]
    fn a_query_without_options_gets_none() {
        let (options, closing) = (More::parse(b"").unwrap(), Closing::answer(Some(16)));
        assert_eq!(options.octets(&closing), 0);
    }
}
