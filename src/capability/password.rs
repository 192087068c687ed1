//! Makes a secret value that meets a policy; every choice is unbiased.

use crate::domain::contract::{Error, ErrorKind};
use crate::domain::secret::Plain;
use crate::domain::time::Entropy;

const LONGEST: u32 = 1024;
const LARGEST_ALPHABET: usize = 256;
const MOST_SETS: usize = 16;

/// What a generated value must be like. Lengths are in characters.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Policy {
    pub length: u32,
    pub alphabet: String,
    /// Of each of these sets, one character at least.
    pub at_least_one_of: Vec<String>,
}

pub fn generate(policy: &Policy, entropy: &dyn Entropy) -> Result<Plain, Error> {
    let alphabet = characters(&policy.alphabet, "the alphabet")?;
    let length = policy.length as usize;
    if policy.length == 0 || policy.length > LONGEST {
        return invalid(format!("length {} is not between 1 and {LONGEST}", policy.length));
    }
    if policy.at_least_one_of.len() > length.min(MOST_SETS) {
        return invalid(format!("{} sets of characters do not fit into length {length}", policy.at_least_one_of.len()));
    }
    let mut value = Vec::with_capacity(length);
    for set in &policy.at_least_one_of {
        let set = characters(set, "a set of `at-least-one-of`")?;
        if set.iter().any(|c| !alphabet.contains(c)) {
            return invalid("a set of `at-least-one-of` has characters that the alphabet lacks".to_owned());
        }
        value.push(set[below(set.len(), entropy)]);
    }
    while value.len() < length {
        value.push(alphabet[below(alphabet.len(), entropy)]);
    }
    for last in (1..value.len()).rev() {
        value.swap(last, below(last + 1, entropy));
    }
    Ok(Plain::new(value.into_iter().collect::<String>()))
}

/// The distinct characters of `text`.
fn characters(text: &str, what: &str) -> Result<Vec<char>, Error> {
    let mut found: Vec<char> = text.chars().collect();
    found.sort_unstable();
    found.dedup();
    if found.is_empty() || found.len() > LARGEST_ALPHABET {
        return invalid(format!("{what} has {} characters, not between 1 and {LARGEST_ALPHABET}", found.len()));
    }
    if found.iter().any(|c| c.is_control()) {
        return invalid(format!("{what} has control characters"));
    }
    Ok(found)
}

/// A number below `bound`, each as likely as the others: draws that would favour the low ones are thrown away.
fn below(bound: usize, entropy: &dyn Entropy) -> usize {
    const TRIES: u32 = 128;
    let bound = bound as u32;
    let fair = u32::MAX - u32::MAX % bound;
    let mut bytes = [0; 4];
    for _ in 0..TRIES {
        entropy.fill(&mut bytes);
        let drawn = u32::from_be_bytes(bytes);
        if drawn < fair {
            return (drawn % bound) as usize;
        }
    }
    // Not reached by chance: a source that is no source of chance (a test's) still ends.
    (u32::from_be_bytes(bytes) % bound) as usize
}

fn invalid<T>(message: String) -> Result<T, Error> {
    Err(Error::new(ErrorKind::InvalidInput, "SECRET_POLICY_INVALID", message))
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::capability::testing::Counter;

    fn policy(length: u32, alphabet: &str, sets: &[&str]) -> Policy {
        Policy {
            length,
            alphabet: alphabet.to_owned(),
            at_least_one_of: sets.iter().map(|set| (*set).to_owned()).collect(),
        }
    }

    #[test]
    fn a_value_meets_its_policy() {
        let entropy = Counter::new(1);
        let policy = policy(12, "abcXYZ123-_", &["abc", "XYZ", "123", "-"]);
        for _ in 0..200 {
            let value = generate(&policy, &entropy).expect("possible");
            let text = value.reveal();
            assert_eq!(text.chars().count(), 12);
            assert!(text.chars().all(|c| policy.alphabet.contains(c)));
            assert!(policy.at_least_one_of.iter().all(|set| text.chars().any(|c| set.contains(c))), "{text}");
        }
    }

    #[test]
    fn every_character_is_as_likely_as_the_others() {
        let entropy = Counter::new(2);
        let value = generate(&policy(1024, "abc", &[]), &entropy).expect("possible");
        for c in ['a', 'b', 'c'] {
            let share = value.reveal().chars().filter(|other| *other == c).count();
            assert!((280..=400).contains(&share), "{c}: {share}");
        }
    }

    #[test]
    fn impossible_policies_are_refused() {
        let entropy = Counter::new(3);
        for bad in [
            policy(0, "abc", &[]),
            policy(1025, "abc", &[]),
            policy(8, "", &[]),
            policy(8, "a\nb", &[]),
            policy(1, "abc", &["a", "b"]),
            policy(8, "abc", &[""]),
            policy(8, "abc", &["x"]),
        ] {
            assert_eq!(generate(&bad, &entropy).expect_err("impossible").code, "SECRET_POLICY_INVALID", "{bad:?}");
        }
    }
}
