//! The known word that someone may have meant.

/// The nearest of `known` to `word`, if it is near enough to be meant.
pub fn nearest<'a>(word: &str, known: impl IntoIterator<Item = &'a str>) -> Option<&'a str> {
    let word = word.to_lowercase();
    let reach = (word.chars().count() / 3).clamp(1, 3);
    let distance = |other: &str| strsim::osa_distance(&word, &other.to_lowercase());
    let near = known.into_iter().filter(|it| it.len() <= 256 && word.len() <= 256);
    let best = near.map(|it| (distance(it), it)).filter(|(distance, _)| *distance <= reach);
    best.min_by_key(|(distance, _)| *distance).map(|(_, it)| it)
}

/// A hint towards one of `known`: the nearest, or the list of them while it is short.
pub fn hint<'a>(word: &str, known: impl IntoIterator<Item = &'a str>) -> String {
    const LISTED: usize = 16;
    let known: Vec<&str> = known.into_iter().collect();
    if let Some(meant) = nearest(word, known.iter().copied()) {
        return format!("did you mean `{meant}`?");
    }
    if known.is_empty() || known.len() > LISTED { String::new() } else { format!("known are {}", list(&known)) }
}

/// `a`, `b` and `c`.
pub fn list(words: &[&str]) -> String {
    let quoted: Vec<String> = words.iter().map(|word| format!("`{word}`")).collect();
    match quoted.as_slice() {
        [] => "none".to_owned(),
        [one] => one.clone(),
        [first @ .., last] => format!("{} and {last}", first.join(", ")),
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn only_a_near_word_is_meant() {
        let known = ["class", "params", "type", "environment-type"];
        for (word, expected) in [
            ("clas", Some("class")),
            ("Class", Some("class")),
            ("parmas", Some("params")),
            ("enviroment-type", Some("environment-type")),
            ("kind", None),
            ("x", None),
        ] {
            assert_eq!(nearest(word, known), expected, "{word}");
        }
    }
}
