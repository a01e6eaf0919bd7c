//! Which IP addresses may be dialled: an address is classified once, and only a [`PublicAddr`] can be connected to.
//!
//! Sources: IANA IPv4 and IPv6 Special-Purpose Address Registries (RFC 6890 and its updates), the IPv6 unicast allocations, and
//! the addresses by which clouds serve credentials. Blocks that IANA marks as globally reachable but that embed or relay to
//! another address (6to4, Teredo, NAT64, AMT, AS112) are refused as well: what they reach is not what they say.

use std::net::{IpAddr, Ipv4Addr, Ipv6Addr};

/// An address outside every special block. Only [`classify`] makes one, and only such a value can be dialled.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Hash)]
pub struct PublicAddr(IpAddr);

impl PublicAddr {
    /// The address.
    #[must_use]
    pub const fn ip(self) -> IpAddr {
        self.0
    }

    /// Loopback stands for a public address in tests that need a real socket; compiled for tests only.
    #[cfg(feature = "rehearsal")]
    #[must_use]
    pub const fn loopback_for_tests() -> Self {
        Self(IpAddr::V4(Ipv4Addr::LOCALHOST))
    }
}

/// An address that must not be dialled.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum AddrFault {
    /// The name has no address at all.
    NoAddress,
    /// The address lies in a special block, named here; the address itself is not repeated.
    Special {
        /// The block, like `10.0.0.0/8`.
        block: &'static str,
        /// What the block is for, like `private use`.
        purpose: &'static str,
    },
}

impl std::fmt::Display for AddrFault {
    fn fmt(&self, f: &mut std::fmt::Formatter<'_>) -> std::fmt::Result {
        match self {
            Self::NoAddress => write!(f, "the host name has no address"),
            Self::Special { block, purpose } => {
                write!(f, "the host has an address in {block} ({purpose}), and only public addresses may be contacted")
            }
        }
    }
}

impl std::error::Error for AddrFault {}

/// Decides whether an address is public.
///
/// # Errors
/// [`AddrFault::Special`] with the block that holds it.
pub const fn classify(addr: IpAddr) -> Result<PublicAddr, AddrFault> {
    let special = match addr {
        IpAddr::V4(v4) => special_v4(v4),
        IpAddr::V6(v6) => special_v6(v6),
    };
    match special {
        Some((block, purpose)) => Err(AddrFault::Special { block, purpose }),
        None => Ok(PublicAddr(addr)),
    }
}

/// Decides about all answers for one name at once: one bad address refuses the lot, because whoever wrote the answer chose its order.
///
/// # Errors
/// [`AddrFault::NoAddress`] for an empty list, else the fault of the first special address.
pub fn classify_all(addrs: &[IpAddr]) -> Result<Vec<PublicAddr>, AddrFault> {
    if addrs.is_empty() {
        return Err(AddrFault::NoAddress);
    }
    addrs.iter().copied().map(classify).collect()
}

/// A block of IPv4 addresses: network, prefix length, its text, its purpose.
type BlockV4 = (Ipv4Addr, u32, &'static str, &'static str);
/// A block of IPv6 addresses: network, prefix length, its text, its purpose.
type BlockV6 = (Ipv6Addr, u32, &'static str, &'static str);

const fn v4(a: u8, b: u8, c: u8, d: u8) -> Ipv4Addr {
    Ipv4Addr::new(a, b, c, d)
}

/// A network whose address ends in zeros after its first four groups.
const fn v6(a: u16, b: u16, c: u16, d: u16) -> Ipv6Addr {
    Ipv6Addr::new(a, b, c, d, 0, 0, 0, 0)
}

const BLOCKS_V4: &[BlockV4] = &[
    (v4(0, 0, 0, 0), 8, "0.0.0.0/8", "this network; 0.0.0.0 reaches the local host on Linux"),
    (v4(10, 0, 0, 0), 8, "10.0.0.0/8", "private use"),
    (v4(100, 64, 0, 0), 10, "100.64.0.0/10", "shared address space of carriers and clouds"),
    (v4(127, 0, 0, 0), 8, "127.0.0.0/8", "loopback"),
    (v4(168, 63, 129, 16), 32, "168.63.129.16/32", "Azure platform service, which sits in public space"),
    (v4(169, 254, 0, 0), 16, "169.254.0.0/16", "link-local, where clouds serve instance credentials"),
    (v4(172, 16, 0, 0), 12, "172.16.0.0/12", "private use"),
    (v4(192, 0, 0, 0), 24, "192.0.0.0/24", "IETF protocol assignments"),
    (v4(192, 0, 2, 0), 24, "192.0.2.0/24", "documentation"),
    (v4(192, 31, 196, 0), 24, "192.31.196.0/24", "AS112 service"),
    (v4(192, 52, 193, 0), 24, "192.52.193.0/24", "AMT relays"),
    (v4(192, 88, 99, 0), 24, "192.88.99.0/24", "6to4 relay anycast, deprecated"),
    (v4(192, 168, 0, 0), 16, "192.168.0.0/16", "private use"),
    (v4(192, 175, 48, 0), 24, "192.175.48.0/24", "AS112 service"),
    (v4(198, 18, 0, 0), 15, "198.18.0.0/15", "benchmarking"),
    (v4(198, 51, 100, 0), 24, "198.51.100.0/24", "documentation"),
    (v4(203, 0, 113, 0), 24, "203.0.113.0/24", "documentation"),
    (v4(224, 0, 0, 0), 4, "224.0.0.0/4", "multicast"),
    (v4(240, 0, 0, 0), 4, "240.0.0.0/4", "reserved and broadcast"),
];

/// Everything outside 2000::/3 is refused by [`special_v6`] anyway; those blocks stand here to be named in the message.
const BLOCKS_V6: &[BlockV6] = &[
    (Ipv6Addr::UNSPECIFIED, 128, "::/128", "unspecified"),
    (Ipv6Addr::LOCALHOST, 128, "::1/128", "loopback"),
    (Ipv6Addr::new(0, 0, 0, 0, 0, 0xffff, 0, 0), 96, "::ffff:0:0/96", "IPv4-mapped"),
    (Ipv6Addr::new(0, 0, 0, 0, 0xffff, 0, 0, 0), 96, "::ffff:0:0:0/96", "IPv4-translated"),
    (v6(0, 0, 0, 0), 96, "::/96", "IPv4-compatible, deprecated"),
    (v6(0x64, 0xff9b, 0, 0), 96, "64:ff9b::/96", "NAT64"),
    (v6(0x64, 0xff9b, 1, 0), 48, "64:ff9b:1::/48", "local NAT64"),
    (v6(0x100, 0, 0, 0), 64, "100::/64", "discard only"),
    (v6(0x100, 0, 0, 1), 64, "100:0:0:1::/64", "dummy prefix"),
    (v6(0x2001, 0, 0, 0), 32, "2001::/32", "Teredo"),
    (v6(0x2001, 2, 0, 0), 48, "2001:2::/48", "benchmarking"),
    (v6(0x2001, 3, 0, 0), 32, "2001:3::/32", "AMT relays"),
    (v6(0x2001, 4, 0x112, 0), 48, "2001:4:112::/48", "AS112 service"),
    (v6(0x2001, 0x10, 0, 0), 28, "2001:10::/28", "ORCHID, deprecated"),
    (v6(0x2001, 0x20, 0, 0), 28, "2001:20::/28", "ORCHIDv2"),
    (v6(0x2001, 0x30, 0, 0), 28, "2001:30::/28", "drone remote identification"),
    (v6(0x2001, 0, 0, 0), 23, "2001::/23", "IETF protocol assignments"),
    (v6(0x2001, 0xdb8, 0, 0), 32, "2001:db8::/32", "documentation"),
    (v6(0x2002, 0, 0, 0), 16, "2002::/16", "6to4"),
    (v6(0x2620, 0x4f, 0x8000, 0), 48, "2620:4f:8000::/48", "AS112 service"),
    (v6(0x3ffe, 0, 0, 0), 16, "3ffe::/16", "6bone, returned"),
    (v6(0x3fff, 0, 0, 0), 20, "3fff::/20", "documentation"),
    (v6(0x5f00, 0, 0, 0), 16, "5f00::/16", "segment routing identifiers"),
    (v6(0xfc00, 0, 0, 0), 7, "fc00::/7", "unique local"),
    (v6(0xfe80, 0, 0, 0), 10, "fe80::/10", "link-local"),
    (v6(0xfec0, 0, 0, 0), 10, "fec0::/10", "site-local, deprecated"),
    (v6(0xff00, 0, 0, 0), 8, "ff00::/8", "multicast"),
];

/// The only space from which public unicast addresses are assigned.
const GLOBAL_UNICAST: (Ipv6Addr, u32) = (v6(0x2000, 0, 0, 0), 3);

const fn special_v4(addr: Ipv4Addr) -> Option<(&'static str, &'static str)> {
    let mut i = 0;
    while i < BLOCKS_V4.len() {
        let (network, prefix, block, purpose) = BLOCKS_V4[i];
        if addr.to_bits() >> (32 - prefix) == network.to_bits() >> (32 - prefix) {
            return Some((block, purpose));
        }
        i += 1;
    }
    None
}

const fn special_v6(addr: Ipv6Addr) -> Option<(&'static str, &'static str)> {
    let mut i = 0;
    while i < BLOCKS_V6.len() {
        let (network, prefix, block, purpose) = BLOCKS_V6[i];
        if within(addr, network, prefix) {
            return Some((block, purpose));
        }
        i += 1;
    }
    if !within(addr, GLOBAL_UNICAST.0, GLOBAL_UNICAST.1) {
        return Some(("::/0 outside 2000::/3", "not assigned for public unicast"));
    }
    // RFC 5214: an interface identifier 0000:5efe or 0200:5efe tunnels to the IPv4 address behind it, whatever the prefix.
    if matches!(addr.segments(), [_, _, _, _, 0 | 0x200, 0x5efe, _, _]) {
        return Some(("::5efe:0:0/96 interface identifiers", "ISATAP"));
    }
    None
}

const fn within(addr: Ipv6Addr, network: Ipv6Addr, prefix: u32) -> bool {
    addr.to_bits() >> (128 - prefix) == network.to_bits() >> (128 - prefix)
}

#[cfg(test)]
mod tests {
    use super::*;
    use proptest::prelude::*;

    fn block_of(text: &str) -> Option<&'static str> {
        match classify(text.parse().unwrap()) {
            Ok(_) => None,
            Err(AddrFault::Special { block, .. }) => Some(block),
            Err(AddrFault::NoAddress) => unreachable!("one address was given"),
        }
    }

    #[test]
    fn tables_say_what_their_text_says() {
        for (network, prefix, text, _) in BLOCKS_V4 {
            assert_eq!(format!("{network}/{prefix}"), *text);
        }
        for (network, prefix, text, _) in BLOCKS_V6 {
            let (written, length) = text.split_once('/').unwrap();
            assert_eq!((written.parse::<Ipv6Addr>().unwrap(), length.parse::<u32>().unwrap()), (*network, *prefix), "{text}");
        }
    }

    #[test]
    fn neighbours_of_blocks_are_public() {
        for text in [
            "1.0.0.0",
            "9.255.255.255",
            "11.0.0.0",
            "100.63.255.255",
            "100.128.0.0",
            "126.255.255.255",
            "168.63.129.15",
            "168.63.129.17",
            "169.253.255.255",
            "169.255.0.0",
            "172.15.255.255",
            "172.32.0.0",
            "192.0.1.0",
            "192.0.3.0",
            "192.88.98.255",
            "192.88.100.0",
            "198.17.255.255",
            "198.20.0.0",
            "223.255.255.255",
            "2000::",
            "2001:200::",
            "2001:db7:ffff:ffff:ffff:ffff:ffff:ffff",
            "2001:db9::",
            "2003::",
            "2620:4f:7fff::1",
            "2620:4f:8001::1",
            "3ffd:ffff::1",
            "3fff:1000::1",
        ] {
            assert_eq!(block_of(text), None, "{text}");
        }
    }

    #[test]
    fn the_most_exact_block_names_the_fault() {
        for (text, block) in [
            ("2001::1", "2001::/32"),
            ("2001:100::1", "2001::/23"),
            ("64:ff9b::a00:1", "64:ff9b::/96"),
            ("::7f00:1", "::/96"),
            ("fd00:ec2::254", "fc00::/7"),
            ("4000::1", "::/0 outside 2000::/3"),
            ("2606:4700::5efe:a00:1", "::5efe:0:0/96 interface identifiers"),
            ("2606:4700::200:5efe:a00:1", "::5efe:0:0/96 interface identifiers"),
            ("255.255.255.255", "240.0.0.0/4"),
        ] {
            assert_eq!(block_of(text), Some(block), "{text}");
        }
    }

    #[test]
    fn one_bad_address_refuses_the_lot() {
        let good: IpAddr = "93.184.216.34".parse().unwrap();
        let bad: IpAddr = "192.168.0.1".parse().unwrap();
        assert_eq!(classify_all(&[]), Err(AddrFault::NoAddress));
        assert_eq!(classify_all(&[good, good]).unwrap().len(), 2);
        assert!(classify_all(&[good, good, bad]).is_err());
    }

    proptest! {
        #[test]
        fn every_address_of_a_listed_block_is_refused(i in 0..BLOCKS_V4.len(), j in 0..BLOCKS_V6.len(), low: u32, bits: u128) {
            let (network, prefix, text, _) = BLOCKS_V4[i];
            let host = low.checked_shr(prefix).unwrap_or(0);
            prop_assert!(classify(Ipv4Addr::from_bits(network.to_bits() | host).into()).is_err(), "{}", text);
            let (network, prefix, text, _) = BLOCKS_V6[j];
            let host = bits.checked_shr(prefix).unwrap_or(0);
            prop_assert!(classify(Ipv6Addr::from_bits(network.to_bits() | host).into()).is_err(), "{}", text);
        }

        #[test]
        fn no_spelling_of_an_ipv4_address_in_ipv6_is_public(bits: u32) {
            let low = u128::from(bits);
            for prefix in ["::", "::ffff:0:0", "::ffff:0:0:0", "64:ff9b::", "64:ff9b:1::"] {
                let prefix: Ipv6Addr = prefix.parse().unwrap();
                prop_assert!(classify(Ipv6Addr::from_bits(prefix.to_bits() | low).into()).is_err());
            }
            let six_to_four = (0x2002_u128 << 112) | (low << 80);
            prop_assert!(classify(Ipv6Addr::from_bits(six_to_four | 1).into()).is_err());
        }

        #[test]
        fn the_standard_library_never_knows_a_special_address_that_we_call_public(bits: u32, wide: u128) {
            let v4 = Ipv4Addr::from_bits(bits);
            let std_special = v4.is_private() || v4.is_loopback() || v4.is_link_local() || v4.is_broadcast()
                || v4.is_documentation() || v4.is_multicast() || v4.is_unspecified();
            prop_assert!(!std_special || classify(v4.into()).is_err());
            let v6 = Ipv6Addr::from_bits(wide);
            let std_special = v6.is_loopback() || v6.is_unspecified() || v6.is_multicast() || v6.is_unique_local()
                || v6.is_unicast_link_local() || v6.to_ipv4().is_some();
            prop_assert!(!std_special || classify(v6.into()).is_err());
        }
    }
}
