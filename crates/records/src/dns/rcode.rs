use std::fmt;

use serde::{Serialize, Serializer};

/// How a DNS query ended: the response code, including its EDNS bits (RFC 6891, 6.1.3), or why there is none.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Hash, PartialOrd, Ord)]
pub struct Rcode(u16);

impl Rcode {
    /// The answer reports no error.
    pub const NOERROR: Self = Self(0);
    /// The answer says that the name does not exist.
    pub const NXDOMAIN: Self = Self(3);
    /// No answer arrived in time.
    pub const TIMEOUT: Self = Self(0xffff);
    /// No answer arrived, because another server that was asked at the same time answered.
    pub const ELSEWHERE: Self = Self(0xfffe);
    /// An answer arrived, but its code is not known: the EDNS record lies beyond the bytes that are read.
    pub const UNKNOWN: Self = Self(0xfffd);

    pub(crate) fn of(number: u16) -> Self {
        Self(number)
    }
}

impl fmt::Display for Rcode {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        // https://www.iana.org/assignments/dns-parameters, DNS RCODEs
        const NAMES: [&str; 12] = [
            "NOERROR",
            "FORMERR",
            "SERVFAIL",
            "NXDOMAIN",
            "NOTIMP",
            "REFUSED",
            "YXDOMAIN",
            "YXRRSET",
            "NXRRSET",
            "NOTAUTH",
            "NOTZONE",
            "DSOTYPENI",
        ];
        const EXTENDED: [&str; 8] =
            ["BADVERS", "BADKEY", "BADTIME", "BADMODE", "BADNAME", "BADALG", "BADTRUNC", "BADCOOKIE"];
        let number = usize::from(self.0);
        let extended = number.checked_sub(16).and_then(|place| EXTENDED.get(place));
        match (*self, NAMES.get(number).or(extended)) {
            (Self::TIMEOUT, _) => f.write_str("TIMEOUT"),
            (Self::ELSEWHERE, _) => f.write_str("ELSEWHERE"),
            (Self::UNKNOWN, _) => f.write_str("UNKNOWN"),
            (_, Some(name)) => f.write_str(name),
            (Self(number), None) => write!(f, "RCODE{number}"),
        }
    }
}

impl Serialize for Rcode {
    fn serialize<S: Serializer>(&self, serializer: S) -> Result<S::Ok, S::Error> {
        serializer.collect_str(self)
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn codes_without_a_name_are_told_by_their_number() {
        let codes = [0, 3, 11, 12, 16, 23, 255, 0xffff, 0xfffd].map(|code| Rcode::of(code).to_string());
        let names =
            ["NOERROR", "NXDOMAIN", "DSOTYPENI", "RCODE12", "BADVERS", "BADCOOKIE", "RCODE255", "TIMEOUT", "UNKNOWN"];
        assert_eq!(codes, names);
    }
}
