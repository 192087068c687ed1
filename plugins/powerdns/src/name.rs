//! Domain names in one spelling: small letters, with the dot at the end.

/// A name that a zone or a record set may have, `*` at its beginning included.
pub fn normal(text: &str) -> Result<String, String> {
    let name = text.to_ascii_lowercase();
    let name = name.strip_suffix('.').unwrap_or(&name);
    if !name.is_ascii() {
        return Err(format!("`{text}` is not ASCII: write it in its `xn--` form"));
    }
    if name.is_empty() || name.len() > 253 {
        return Err("a domain name has 1 to 253 characters".to_owned());
    }
    for (at, label) in name.split('.').enumerate() {
        if label == "*" && at == 0 {
            continue;
        }
        if !(1..=63).contains(&label.len()) {
            return Err(format!("`{text}` is no domain name: between two dots stand 1 to 63 characters"));
        }
        // The slash is of reverse zones without a class (RFC 2317), the underscore of services (RFC 8552).
        if let Some(wrong) = label.chars().find(|it| !it.is_ascii_alphanumeric() && !"-_/".contains(*it)) {
            return Err(format!("`{text}` is no domain name: `{}` stands in it", wrong.escape_default()));
        }
    }
    Ok(format!("{name}."))
}

/// A name without `*`, such as a zone's or a host's.
pub fn plain(text: &str) -> Result<String, String> {
    let name = normal(text)?;
    if name.starts_with('*') { Err(format!("`{text}` is a wildcard, and no name")) } else { Ok(name) }
}

/// Both in their normal form.
pub fn is_within(name: &str, zone: &str) -> bool {
    name == zone || name.strip_suffix(zone).is_some_and(|rest| rest.ends_with('.'))
}
