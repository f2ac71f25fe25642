/// Returns the name of a DNS type, such as `AAAA`, or `TYPE4711` for a type without a name (RFC 3597).
pub fn type_name(number: u16) -> String {
    // https://www.iana.org/assignments/dns-parameters, Resource Record (RR) TYPEs
    const NAMES: [(u16, &str); 21] = [
        (1, "A"),
        (2, "NS"),
        (5, "CNAME"),
        (6, "SOA"),
        (12, "PTR"),
        (15, "MX"),
        (16, "TXT"),
        (28, "AAAA"),
        (33, "SRV"),
        (35, "NAPTR"),
        (39, "DNAME"),
        (43, "DS"),
        (46, "RRSIG"),
        (47, "NSEC"),
        (48, "DNSKEY"),
        (52, "TLSA"),
        (64, "SVCB"),
        (65, "HTTPS"),
        (252, "AXFR"),
        (255, "ANY"),
        (257, "CAA"),
    ];
    let known = NAMES.iter().find(|(known, _)| *known == number);
    known.map_or_else(|| format!("TYPE{number}"), |(_, name)| (*name).to_owned())
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn types_without_a_name_are_told_by_their_number() {
        assert_eq!([1, 28, 65, 4711].map(type_name), ["A", "AAAA", "HTTPS", "TYPE4711"]);
    }
}
