/// Smallest page of any Linux machine.
const PAGE_BYTES: usize = 4096;

/// Memory that is resident for as long as the value lives: every page is written, each with something else, for pages
/// of equal content may be merged.
pub(crate) fn ballast(bytes: u64) -> Vec<u8> {
    let mut memory = vec![0; usize::try_from(bytes).expect("a machine that runs this has 64 bits")];
    for (number, page) in memory.chunks_mut(PAGE_BYTES).enumerate() {
        let mark = (number as u64 + 1).to_le_bytes();
        let len = mark.len().min(page.len());
        page[..len].copy_from_slice(&mark[..len]);
    }
    // Otherwise the compiler may leave out memory that nobody reads.
    std::hint::black_box(memory)
}

#[cfg(test)]
mod tests;
