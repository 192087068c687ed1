//! Pages that are bounded in bytes as well as in number: records may be as large as a message.

use prost::Message;

use crate::store::Paging;

/// Of a page; a single record may have more.
const PAGE_BYTES: usize = 1 << 20;

/// How many records are read at once. Each may be as large as a document: few at first, and never many.
const FIRST: u32 = 4;
const MOST: u32 = 16;

/// A page in the making: as many records as were asked for, or as many as fit. One that ends early is no last page: it says
/// where the next one begins (AIP-158).
pub struct Gathering<T> {
    pub items: Vec<T>,
    bytes: usize,
    asked: u32,
    paging: Paging,
    read: bool,
}

impl<T: Message> Gathering<T> {
    pub fn new(asked: Paging) -> Self {
        let (limit, read) = (asked.limit, false);
        Self { items: Vec::new(), bytes: 0, asked: limit, paging: Paging { limit: FIRST.min(limit), ..asked }, read }
    }

    /// What to read next; nothing once the page is made.
    pub fn wants(&self) -> Option<&Paging> {
        let is_last = self.read && self.paging.after.is_none();
        let is_full = self.left() == 0 || self.bytes >= PAGE_BYTES;
        (!is_last && !is_full).then_some(&self.paging)
    }

    pub fn add(&mut self, item: T) {
        self.bytes += item.encoded_len();
        self.items.push(item);
    }

    /// All of what was read has been added; behind it comes `next`.
    pub fn goes_on_at(&mut self, next: Option<String>) {
        self.paging = Paging { limit: (2 * self.paging.limit).min(MOST).min(self.left()), after: next };
        self.read = true;
    }

    /// Where the next page begins.
    pub fn next(&self) -> Option<&str> {
        self.paging.after.as_deref().filter(|_| self.read)
    }

    fn left(&self) -> u32 {
        self.asked.saturating_sub(u32::try_from(self.items.len()).unwrap_or(u32::MAX))
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    /// Lists `sizes` as records of so many bytes; gives how many came, where the next page begins, and what was read.
    fn list(sizes: &[usize], limit: u32) -> (usize, Option<String>, Vec<u32>) {
        let mut reads = Vec::new();
        let mut page = Gathering::new(Paging { limit, after: None });
        while let Some(paging) = page.wants() {
            reads.push(paging.limit);
            let start: usize = paging.after.as_ref().map_or(0, |after| after.parse().expect("a number"));
            let end = sizes.len().min(start + paging.limit as usize);
            sizes[start..end].iter().for_each(|size| page.add("x".repeat(*size)));
            page.goes_on_at((end < sizes.len()).then(|| end.to_string()));
        }
        (page.items.len(), page.next().map(str::to_owned), reads)
    }

    #[test]
    fn small_records_are_read_a_few_at_a_time() {
        assert_eq!(list(&[100; 50], 1_000), (50, None, vec![4, 8, 16, 16, 16]));
        assert_eq!(list(&[100; 50], 30), (30, Some("30".into()), vec![4, 8, 16, 2]));
        assert_eq!(list(&[100; 3], 100), (3, None, vec![4]));
        assert_eq!(list(&[], 100), (0, None, vec![4]));
        assert_eq!(list(&[100; 3], 1), (1, Some("1".into()), vec![1]));
    }

    #[test]
    fn large_records_end_a_page_early() {
        let (count, next, _) = list(&[1 << 20; 100], 1_000);
        assert_eq!((count, next), (4, Some("4".into())), "those that are read at once are shown");
        // Some that are larger than those before do not make it much larger.
        let mut sizes = vec![100; 60];
        sizes.extend([4 << 20; 100]);
        let (count, next, _) = list(&sizes, 1_000);
        assert_eq!((count, next), (76, Some("76".into())));
    }
}
