//! The only error there is: the reference reads the file, and finds the words.

/// The reference has to have a look.
#[derive(Debug)]
pub struct GiveUp;

/// A value, or the reference has to have a look.
pub type Result<T> = std::result::Result<T, GiveUp>;
