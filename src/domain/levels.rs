//! In which order resources come that need one another: linear in resources and needs.

use std::collections::{BTreeMap, BTreeSet};

use super::name::Key;

/// What each resource needs of the others.
pub type Needs = BTreeMap<Key, BTreeSet<Key>>;

/// Resources that need only those of levels before theirs; or a circle: each needs the next, and the last is the first. What is needed and
/// not among them is passed over.
pub fn levels(needs: &Needs) -> Result<Vec<Vec<&Key>>, Vec<&Key>> {
    let mut missing: BTreeMap<&Key, usize> = BTreeMap::new();
    let mut needed_by: BTreeMap<&Key, Vec<&Key>> = BTreeMap::new();
    for (key, needed) in needs {
        let known = needed.iter().filter_map(|it| needs.get_key_value(it));
        let mut count = 0;
        for (it, _) in known {
            needed_by.entry(it).or_default().push(key);
            count += 1;
        }
        missing.insert(key, count);
    }
    let mut levels = Vec::new();
    let mut level: Vec<&Key> = missing.iter().filter(|(_, count)| **count == 0).map(|(key, _)| *key).collect();
    let mut placed = 0;
    while !level.is_empty() {
        placed += level.len();
        let mut next = Vec::new();
        for key in needed_by_all(&level, &needed_by) {
            if let Some(count) = missing.get_mut(key) {
                *count -= 1;
                if *count == 0 {
                    next.push(key);
                }
            }
        }
        levels.push(std::mem::replace(&mut level, next));
    }
    if placed == needs.len() { Ok(levels) } else { Err(circle(needs, &missing)) }
}

fn needed_by_all<'a>(level: &[&'a Key], needed_by: &BTreeMap<&'a Key, Vec<&'a Key>>) -> Vec<&'a Key> {
    level.iter().filter_map(|key| needed_by.get(key)).flatten().copied().collect()
}

/// Whoever is left waits for somebody who is left: followed far enough, that leads to one that was seen before.
fn circle<'a>(needs: &'a Needs, missing: &BTreeMap<&'a Key, usize>) -> Vec<&'a Key> {
    let left = |key: &Key| missing.get(key).is_some_and(|count| *count > 0);
    let mut way: Vec<&Key> = missing.iter().filter(|(_, count)| **count > 0).map(|(key, _)| *key).take(1).collect();
    let mut seen = BTreeMap::new();
    while let Some(key) = way.last().copied() {
        if let Some(first) = seen.insert(key, way.len() - 1) {
            return way.split_off(first);
        }
        match needs.get(key).and_then(|needed| needed.iter().find(|it| left(it))) {
            Some(next) => way.push(next),
            None => break,
        }
    }
    way
}

#[cfg(test)]
mod tests {
    use super::*;

    fn needs(edges: &[(&str, &[&str])]) -> Needs {
        let key = |text: &str| Key::parse(text).expect("a key");
        edges.iter().map(|(from, to)| (key(from), to.iter().map(|it| key(it)).collect())).collect()
    }

    fn texts(keys: &[&Key]) -> Vec<String> {
        keys.iter().map(ToString::to_string).collect()
    }

    #[test]
    fn what_is_needed_comes_first() {
        let diamond = needs(&[("a", &[]), ("b", &["a"]), ("c", &["a"]), ("d", &["b", "c", "gone"]), ("e", &[])]);
        let levels: Vec<_> = levels(&diamond).expect("no circle").iter().map(|level| texts(level)).collect();
        assert_eq!(levels, [vec!["a", "e"], vec!["b", "c"], vec!["d"]]);
    }

    #[test]
    fn a_circle_is_told_with_its_way() {
        for (edges, expected) in [
            (needs(&[("a", &["a"])]), vec!["a", "a"]),
            (needs(&[("a", &["b"]), ("b", &["c"]), ("c", &["b"]), ("x", &[])]), vec!["b", "c", "b"]),
            (needs(&[("a", &["c", "x"]), ("b", &["a"]), ("c", &["b"]), ("x", &[])]), vec!["a", "c", "b", "a"]),
        ] {
            assert_eq!(texts(&levels(&edges).expect_err("a circle")), expected);
        }
    }

    #[test]
    fn a_long_chain_is_no_deep_call() {
        let name = |i: usize| Key::parse(&format!("r{i}")).expect("a key");
        let chain: Needs = (0..50_000).map(|i| (name(i), (i > 0).then(|| name(i - 1)).into_iter().collect())).collect();
        assert_eq!(levels(&chain).expect("no circle").len(), 50_000);
    }
}
