use std::collections::HashSet;

use super::{PAGE_BYTES, ballast};

#[test]
fn every_page_is_written_and_unlike_the_others() {
    for bytes in [0, 1, 4_096, 1_000_000] {
        let memory = ballast(bytes);
        assert_eq!(memory.len() as u64, bytes);
        let pages: HashSet<_> = memory.chunks(PAGE_BYTES).collect();
        assert_eq!(pages.len() as u64, bytes.div_ceil(PAGE_BYTES as u64));
        assert!(pages.iter().all(|page| page.iter().any(|&byte| byte != 0)));
    }
}
