//! The text of one element of an XML document.

use std::ops::Range;

use quick_xml::Reader;
use quick_xml::escape::unescape;
use quick_xml::events::Event;

const DEEPEST: usize = 64;

/// Where the text of the element at `path` stands, and what it says. Prefixes of names are left aside. Nothing if there is no such
/// element or more than one, if it holds other elements, or if the document is not well-formed or has a DTD.
pub fn find(text: &str, path: &str) -> Option<(Range<usize>, String)> {
    // The reader leaves a byte order mark out of its positions.
    let whole = text.len();
    let text = text.trim_start_matches('\u{feff}');
    let mark = whole - text.len();
    let wanted: Vec<&str> = path.split('/').collect();
    let mut reader = Reader::from_str(text);
    let mut open: Vec<String> = Vec::new();
    let mut found: Option<(Range<usize>, String)> = None;
    // Of the wanted element while it is open: where its text begins, and the text so far.
    let mut inside: Option<(usize, String)> = None;
    loop {
        let before = usize::try_from(reader.buffer_position()).ok()?;
        let event = reader.read_event().ok()?;
        let after = usize::try_from(reader.buffer_position()).ok()?;
        match event {
            Event::Eof => return found.filter(|_| open.is_empty()),
            Event::DocType(_) => return None,
            Event::Start(start) => {
                if inside.is_some() || open.len() == DEEPEST {
                    return None;
                }
                open.push(local(start.name().as_ref()));
                if open == wanted {
                    if found.is_some() {
                        return None;
                    }
                    inside = Some((after, String::new()));
                }
            }
            Event::Empty(_) if inside.is_some() => return None,
            Event::End(_) => {
                if let Some((from, value)) = inside.take() {
                    found = Some((mark + from..mark + before, value));
                }
                open.pop()?;
            }
            Event::Text(part) => append(&mut inside, &part)?,
            Event::CData(part) => {
                if let Some((_, value)) = &mut inside {
                    value.push_str(&part);
                }
            }
            Event::GeneralRef(name) => {
                let reference: &str = &name;
                append(&mut inside, &format!("&{reference};"))?;
            }
            Event::Empty(_) | Event::Comment(_) | Event::Decl(_) | Event::PI(_) => {}
        }
    }
}

/// Nothing for an entity that is not one of the five.
fn append(inside: &mut Option<(usize, String)>, raw: &str) -> Option<()> {
    let text = unescape(raw).ok()?.into_owned();
    if let Some((_, value)) = inside {
        value.push_str(&text);
    }
    Some(())
}

fn local(name: &str) -> String {
    name.rsplit(':').next().unwrap_or(name).to_owned()
}
