use std::fs;

/// Names of the kernel's functions, sorted by their address.
#[derive(Clone, Debug, Default)]
pub(crate) struct Symbols(Vec<(u64, String)>);

impl Symbols {
    /// Reads the names from `/proc/kallsyms`. There are none if the kernel hides addresses from this user.
    pub(crate) fn read() -> Self {
        Self::parse(&fs::read_to_string("/proc/kallsyms").unwrap_or_default())
    }

    fn parse(text: &str) -> Self {
        let symbol = |line: &str| {
            let mut words = line.split_whitespace();
            let address = u64::from_str_radix(words.next()?, 16).ok()?;
            let is_code = words.next()?.eq_ignore_ascii_case("t");
            (is_code && address > 0).then(|| Some((address, words.next()?.to_owned()))).flatten()
        };
        let mut symbols: Vec<_> = text.lines().filter_map(symbol).collect();
        symbols.sort_unstable();
        Self(symbols)
    }

    /// Returns the function that contains `address`.
    pub(crate) fn name(&self, address: u64) -> Option<&str> {
        let after = self.0.partition_point(|(begin, _)| *begin <= address);
        self.0.get(after.checked_sub(1)?).map(|(_, name)| name.as_str())
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn an_address_lies_in_the_function_that_begins_before_it() {
        let symbols = Symbols::parse("0000000000000020 T second\n0000000000000010 t first\n0000000000000018 D data\n");
        let check = |address, name| assert_eq!(symbols.name(address), name);
        check(0x0f, None);
        check(0x10, Some("first"));
        check(0x1f, Some("first"));
        check(0x2000, Some("second"));
        assert_eq!(Symbols::parse("0000000000000000 T hidden\n").name(7), None);
    }
}
