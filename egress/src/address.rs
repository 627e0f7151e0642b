//! Which addresses are public, and what the others are. One table; every row names its source.

use std::fmt;
use std::net::{IpAddr, Ipv4Addr, Ipv6Addr};

use ipnet::{IpNet, Ipv4Net, Ipv6Net};

/// What an address is for, as far as the guard cares.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Hash)]
pub enum AddressClass {
    /// Reachable by anybody on the internet.
    Public,
    /// Instance metadata, where clouds hand out credentials, or the link-local range they keep it in. Never a target.
    Metadata,
    /// This machine.
    Loopback,
    /// No address at all; most systems connect to this machine instead.
    Unspecified,
    /// A private network.
    Private,
    /// A carrier's or a cloud's inner network.
    SharedCarrier,
    /// One network segment.
    LinkLocal,
    /// An IPv4 address wrapped in IPv6, delivered by a translator or a tunnel that this program cannot see behind.
    Wrapped,
    /// Many receivers at once.
    Multicast,
    /// Examples, benchmarks, and what is set aside for protocols or for later.
    Reserved,
}

impl AddressClass {
    /// The word used in messages and as metric label.
    pub fn as_str(self) -> &'static str {
        match self {
            Self::Public => "public",
            Self::Metadata => "metadata",
            Self::Loopback => "loopback",
            Self::Unspecified => "unspecified",
            Self::Private => "private",
            Self::SharedCarrier => "shared_carrier",
            Self::LinkLocal => "link_local",
            Self::Wrapped => "wrapped",
            Self::Multicast => "multicast",
            Self::Reserved => "reserved",
        }
    }
}

impl fmt::Display for AddressClass {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str(self.as_str())
    }
}

/// What an address was found to be and which document says so.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub struct Classified {
    /// What it is for.
    pub class: AddressClass,
    /// The document behind the row that matched.
    pub source: &'static str,
}

/// One row: a network, what it is, and who says so.
type Row = (IpNet, AddressClass, &'static str);

const fn v4(a: u8, b: u8, c: u8, d: u8, prefix: u8) -> IpNet {
    IpNet::V4(Ipv4Net::new_assert(Ipv4Addr::new(a, b, c, d), prefix))
}

const fn v6(segments: [u16; 8], prefix: u8) -> IpNet {
    let [a, b, c, d, e, f, g, h] = segments;
    IpNet::V6(Ipv6Net::new_assert(Ipv6Addr::new(a, b, c, d, e, f, g, h), prefix))
}

/// The first row that holds the address decides, so that metadata comes first and the narrow before the wide.
/// The frame is the IANA IPv4 and IPv6 Special-Purpose Address Registries (RFC 6890); each row names its own document.
static ROWS: &[Row] = &[
    // Metadata: the services' documented addresses. 169.254.169.254 is AWS, Azure, Google, Huawei, Oracle and others;
    // 169.254.170.2 and .23 are AWS container credentials; the whole range is refused, for there is no other honest use.
    (
        v4(169, 254, 0, 0, 16),
        AddressClass::Metadata,
        "RFC 3927 link-local, where clouds keep instance metadata",
    ),
    (v4(100, 100, 100, 200, 32), AddressClass::Metadata, "Alibaba Cloud ECS instance metadata"),
    (v4(168, 63, 129, 16, 32), AddressClass::Metadata, "Azure WireServer"),
    (v4(192, 0, 0, 192, 32), AddressClass::Metadata, "Oracle Cloud classic instance metadata"),
    (
        v6([0xfd00, 0x0ec2, 0, 0, 0, 0, 0, 0], 32),
        AddressClass::Metadata,
        "AWS EC2 instance metadata over IPv6",
    ),
    (
        v6([0xfd20, 0x00ce, 0, 0, 0, 0, 0, 0x254], 128),
        AddressClass::Metadata,
        "Google Compute Engine metadata over IPv6",
    ),
    (
        v6([0xfe80, 0, 0, 0, 0, 0, 0xa9fe, 0xa9fe], 128),
        AddressClass::Metadata,
        "OpenStack instance metadata over IPv6",
    ),
    // IPv4.
    (v4(0, 0, 0, 0, 32), AddressClass::Unspecified, "RFC 1122 3.2.1.3"),
    (v4(0, 0, 0, 0, 8), AddressClass::Reserved, "RFC 791 this network"),
    (v4(10, 0, 0, 0, 8), AddressClass::Private, "RFC 1918"),
    (v4(100, 64, 0, 0, 10), AddressClass::SharedCarrier, "RFC 6598"),
    (v4(127, 0, 0, 0, 8), AddressClass::Loopback, "RFC 1122 3.2.1.3"),
    (v4(172, 16, 0, 0, 12), AddressClass::Private, "RFC 1918"),
    (v4(192, 0, 0, 0, 24), AddressClass::Reserved, "RFC 6890 protocol assignments"),
    (v4(192, 0, 2, 0, 24), AddressClass::Reserved, "RFC 5737 documentation"),
    (v4(192, 88, 99, 0, 24), AddressClass::Reserved, "RFC 7526 former 6to4 relay"),
    (v4(192, 168, 0, 0, 16), AddressClass::Private, "RFC 1918"),
    (v4(198, 18, 0, 0, 15), AddressClass::Reserved, "RFC 2544 benchmarking"),
    (v4(198, 51, 100, 0, 24), AddressClass::Reserved, "RFC 5737 documentation"),
    (v4(203, 0, 113, 0, 24), AddressClass::Reserved, "RFC 5737 documentation"),
    (v4(224, 0, 0, 0, 4), AddressClass::Multicast, "RFC 5771"),
    (v4(240, 0, 0, 0, 4), AddressClass::Reserved, "RFC 1112 and RFC 919 limited broadcast"),
    (v4(0, 0, 0, 0, 0), AddressClass::Public, "RFC 791"),
    // IPv6. Only 2000::/3 is given out for global use (RFC 4291 2.4), so everything else ends in the last row.
    (v6([0, 0, 0, 0, 0, 0, 0, 0], 128), AddressClass::Unspecified, "RFC 4291 2.5.2"),
    (v6([0, 0, 0, 0, 0, 0, 0, 1], 128), AddressClass::Loopback, "RFC 4291 2.5.3"),
    (v6([0, 0, 0, 0, 0, 0, 0, 0], 96), AddressClass::Wrapped, "RFC 4291 2.5.5.1 IPv4-compatible"),
    (v6([0, 0, 0, 0, 0, 0xffff, 0, 0], 96), AddressClass::Wrapped, "RFC 4291 2.5.5.2 IPv4-mapped"),
    (v6([0, 0, 0, 0, 0xffff, 0, 0, 0], 96), AddressClass::Wrapped, "RFC 2765 IPv4-translated"),
    (v6([0x0064, 0xff9b, 0, 0, 0, 0, 0, 0], 96), AddressClass::Wrapped, "RFC 6052 NAT64"),
    (v6([0x0064, 0xff9b, 1, 0, 0, 0, 0, 0], 48), AddressClass::Wrapped, "RFC 8215 local NAT64"),
    (v6([0x2001, 0, 0, 0, 0, 0, 0, 0], 32), AddressClass::Wrapped, "RFC 4380 Teredo"),
    (v6([0x2001, 0, 0, 0, 0, 0, 0, 0], 23), AddressClass::Reserved, "RFC 2928 protocol assignments"),
    (v6([0x2001, 0x0db8, 0, 0, 0, 0, 0, 0], 32), AddressClass::Reserved, "RFC 3849 documentation"),
    (v6([0x2002, 0, 0, 0, 0, 0, 0, 0], 16), AddressClass::Wrapped, "RFC 3056 6to4"),
    (v6([0x3fff, 0, 0, 0, 0, 0, 0, 0], 20), AddressClass::Reserved, "RFC 9637 documentation"),
    (v6([0x2000, 0, 0, 0, 0, 0, 0, 0], 3), AddressClass::Public, "RFC 4291 2.4 global unicast"),
    (v6([0xfc00, 0, 0, 0, 0, 0, 0, 0], 7), AddressClass::Private, "RFC 4193 unique local"),
    (v6([0xfe80, 0, 0, 0, 0, 0, 0, 0], 10), AddressClass::LinkLocal, "RFC 4291 2.5.6"),
    (v6([0xfec0, 0, 0, 0, 0, 0, 0, 0], 10), AddressClass::Private, "RFC 3879 former site-local"),
    (v6([0xff00, 0, 0, 0, 0, 0, 0, 0], 8), AddressClass::Multicast, "RFC 4291 2.7"),
    (v6([0, 0, 0, 0, 0, 0, 0, 0], 0), AddressClass::Reserved, "RFC 4291 2.4 not global unicast"),
];

/// Says what an address is for.
///
/// An IPv4-mapped address is judged as the IPv4 address it names, because that is what the kernel connects to. Any other
/// wrapping is [`AddressClass::Wrapped`], unless what it wraps is metadata: then it is metadata.
pub fn classify(address: IpAddr) -> Classified {
    let address = address.to_canonical();
    let found = look_up(address);
    if found.class != AddressClass::Wrapped {
        return found;
    }
    let IpAddr::V6(wrapping) = address else { return found };
    let hides_metadata = wrapped_in(wrapping)
        .into_iter()
        .map(|inner| look_up(IpAddr::V4(inner)))
        .find(|inner| inner.class == AddressClass::Metadata);
    hides_metadata.unwrap_or(found)
}

fn look_up(address: IpAddr) -> Classified {
    let row = ROWS.iter().find(|(net, _, _)| net.contains(&address));
    let (_, class, source) = row.expect("both families end in a row that holds every address");
    Classified { class: *class, source }
}

/// Every IPv4 address that a wrapping address may be delivered to: the last four bytes (compatible, translated, NAT64), bytes 2 to 5
/// (6to4, RFC 3056 2), and the last four inverted (Teredo, RFC 4380 4). Local NAT64 with a prefix shorter than 96 skips
/// byte 8 (RFC 6052 2.2).
fn wrapped_in(wrapping: Ipv6Addr) -> [Ipv4Addr; 5] {
    let byte = wrapping.octets();
    let at = |a: usize, b: usize, c: usize, d: usize| Ipv4Addr::new(byte[a], byte[b], byte[c], byte[d]);
    let teredo = Ipv4Addr::new(!byte[12], !byte[13], !byte[14], !byte[15]);
    [at(12, 13, 14, 15), at(2, 3, 4, 5), teredo, at(6, 7, 9, 10), at(9, 10, 11, 12)]
}

#[cfg(test)]
mod tests {
    use super::*;
    use proptest::prelude::*;

    #[track_caller]
    fn check(address: &str, expected: AddressClass) {
        let parsed: IpAddr = address.parse().unwrap();
        assert_eq!(classify(parsed).class, expected, "{address}");
    }

    #[test]
    fn addresses_are_what_their_registries_say() {
        use AddressClass::*;
        for (address, class) in [
            ("1.1.1.1", Public),
            ("8.8.8.8", Public),
            ("169.254.169.254", Metadata),
            ("169.254.170.2", Metadata),
            ("100.100.100.200", Metadata),
            ("168.63.129.16", Metadata),
            ("192.0.0.192", Metadata),
            ("fd00:ec2::254", Metadata),
            ("fd20:ce::254", Metadata),
            ("fe80::a9fe:a9fe", Metadata),
            ("::ffff:169.254.169.254", Metadata),
            ("::ffff:a9fe:a9fe", Metadata),
            ("::a9fe:a9fe", Metadata),
            ("::ffff:0:a9fe:a9fe", Metadata),
            ("64:ff9b::a9fe:a9fe", Metadata),
            ("64:ff9b:1::a9fe:a9fe", Metadata),
            ("64:ff9b:1:a9fe:a9:fe00::", Metadata),
            ("2002:a9fe:a9fe::1", Metadata),
            ("2001:0:1:2:3:4:5601:5601", Metadata),
            ("127.0.0.1", Loopback),
            ("127.255.255.254", Loopback),
            ("::1", Loopback),
            ("::ffff:127.0.0.1", Loopback),
            ("0.0.0.0", Unspecified),
            ("::", Unspecified),
            ("0.1.2.3", Reserved),
            ("10.0.0.1", Private),
            ("172.15.255.255", Public),
            ("172.16.0.1", Private),
            ("172.31.255.255", Private),
            ("172.32.0.0", Public),
            ("192.168.1.1", Private),
            ("100.63.255.255", Public),
            ("100.64.0.1", SharedCarrier),
            ("100.127.255.255", SharedCarrier),
            ("100.128.0.0", Public),
            ("192.0.2.7", Reserved),
            ("198.18.0.1", Reserved),
            ("198.19.255.255", Reserved),
            ("198.51.100.1", Reserved),
            ("203.0.113.9", Reserved),
            ("224.0.0.1", Multicast),
            ("239.255.255.255", Multicast),
            ("240.0.0.1", Reserved),
            ("255.255.255.255", Reserved),
            ("2606:4700::1111", Public),
            ("::ffff:0:808:808", Wrapped),
            ("64:ff9b::808:808", Wrapped),
            ("2002:808:808::1", Wrapped),
            ("2001:0:5ef5:79fb::1", Wrapped),
            ("2001:20::1", Reserved),
            ("2001:db8::1", Reserved),
            ("3fff::1", Reserved),
            ("fc00::1", Private),
            ("fdff::1", Private),
            ("fe80::1", LinkLocal),
            ("fec0::1", Private),
            ("ff02::1", Multicast),
            ("100::1", Reserved),
            ("5f00::1", Reserved),
            ("4000::1", Reserved),
        ] {
            check(address, class);
        }
    }

    proptest! {
        #[test]
        fn mapping_changes_nothing(bits in any::<u32>()) {
            let plain = Ipv4Addr::from_bits(bits);
            prop_assert_eq!(classify(IpAddr::V4(plain)), classify(IpAddr::V6(plain.to_ipv6_mapped())));
        }

        #[test]
        fn every_address_has_a_row(bits in any::<u128>()) {
            classify(IpAddr::V6(Ipv6Addr::from_bits(bits)));
        }

        #[test]
        fn nothing_outside_2000_is_public(bits in any::<u128>()) {
            let address = Ipv6Addr::from_bits(bits);
            if classify(IpAddr::V6(address)).class == AddressClass::Public && address.to_ipv4_mapped().is_none() {
                prop_assert_eq!(bits >> 125, 1);
            }
        }
    }
}
