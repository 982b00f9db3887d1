//! Which containers a caller has made, as far as that is remembered.

use std::collections::VecDeque;

use hostward::cgroup::ContainerId;

/// So many callers are remembered, and of each so many containers, 8 MiB in all: the last ones.
const CALLERS: usize = 256;
const CONTAINERS: usize = 1024;

/// An id's 64 digits.
type Digits = [u8; 32];

/// What callers have made. The last ones are at the end.
#[derive(Debug, Default)]
pub(super) struct Made(VecDeque<(Digits, VecDeque<Digits>)>);

impl Made {
    /// Remembers it.
    pub(super) fn add(&mut self, caller: &ContainerId, container: &ContainerId) {
        let (caller, container) = (digits(caller), digits(container));
        let known = self.0.iter().position(|(known, _)| *known == caller).and_then(|at| self.0.remove(at));
        let (_, mut made) = known.unwrap_or((caller, VecDeque::new()));
        push(&mut made, container, CONTAINERS);
        push(&mut self.0, (caller, made), CALLERS);
    }

    /// Whether it is known.
    pub(super) fn has(&self, caller: &ContainerId, container: &ContainerId) -> bool {
        let (caller, container) = (digits(caller), digits(container));
        self.0.iter().any(|(known, made)| *known == caller && made.contains(&container))
    }
}

fn push<T>(all: &mut VecDeque<T>, one: T, most: usize) {
    if all.len() >= most {
        all.pop_front();
    }
    all.push_back(one);
}

fn digits(id: &ContainerId) -> Digits {
    let mut bytes = [0; 32];
    for (byte, digits) in bytes.iter_mut().zip(id.as_str().as_bytes().chunks(2)) {
        *byte = digits.iter().fold(0, |byte, digit| byte << 4 | value(*digit));
    }
    bytes
}

fn value(digit: u8) -> u8 {
    if digit.is_ascii_digit() { digit - b'0' } else { digit - b'a' + 10 }
}

#[cfg(test)]
mod tests {
    use super::*;

    fn id(number: usize) -> ContainerId {
        ContainerId::parse(format!("{number:064x}").as_bytes()).unwrap()
    }

    #[test]
    fn a_container_is_its_makers_alone() {
        let mut made = Made::default();
        made.add(&id(1), &id(0xabc));
        assert!(made.has(&id(1), &id(0xabc)));
        assert!(!made.has(&id(2), &id(0xabc)) && !made.has(&id(1), &id(0xabd)));
    }

    #[test]
    fn the_oldest_are_forgotten_of_one_caller_and_of_all() {
        let mut made = Made::default();
        for container in 0..=CONTAINERS {
            made.add(&id(1), &id(container));
        }
        assert!(!made.has(&id(1), &id(0)) && made.has(&id(1), &id(1)) && made.has(&id(1), &id(CONTAINERS)));
        for caller in 2..=CALLERS {
            made.add(&id(caller), &id(7));
        }
        // Who makes something is not the oldest.
        made.add(&id(1), &id(7));
        made.add(&id(CALLERS + 1), &id(7));
        assert!(made.has(&id(1), &id(7)) && !made.has(&id(2), &id(7)) && made.has(&id(3), &id(7)));
        assert_eq!(made.0.len(), CALLERS);
    }
}
