//! Whether a side sends much.

/// Who sends so much at a time sends much.
pub(crate) const MUCH: usize = 16 << 10;

/// Who has done so as often as this sends a stream.
pub(crate) const OFTEN: u8 = 8;

/// How a side sends, by what was last read from it. It takes a while to count as bulk, and a short read or two to be none again:
/// of what somebody types nothing goes a way that is made for streams.
#[derive(Debug, Clone, Copy, Default, PartialEq, Eq)]
pub(crate) struct Pace(u8);

impl Pace {
    /// Of one that sends a stream.
    #[cfg(test)]
    pub(crate) const BULK: Self = Self(OFTEN);

    /// So many bytes came at once.
    pub(crate) fn saw(&mut self, came: usize) {
        self.0 = if came >= MUCH { OFTEN.min(self.0 + 1) } else { self.0 / 2 };
    }

    pub(crate) fn is_bulk(self) -> bool {
        self.0 == OFTEN
    }
}
