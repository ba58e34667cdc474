"""Which addresses count as public."""

from __future__ import annotations

from ipaddress import IPv4Address, IPv6Address, ip_address

import pytest
from hypothesis import example, given
from hypothesis import strategies as st

from stream.addresses import is_public, may_be_reached, network

PUBLIC = """
1.1.1.1 8.8.8.8 9.255.255.255 11.0.0.0 100.63.255.255 100.128.0.0 126.255.255.255 128.0.0.0
168.63.129.15 168.63.129.17 169.253.255.255 169.255.0.0 172.15.255.255 172.32.0.0 192.0.1.0
192.88.98.255 192.167.255.255 192.169.0.0 198.17.255.255 198.20.0.0 223.255.255.255
2600:: 2606:4700:4700::1111 2a00:1450:4001:82a::200e 2001:200:: 2001:4860:4860::8888
::ffff:8.8.8.8 64:ff9b::8.8.8.8 2002:808:808::
""".split()

NOT_PUBLIC = """
0.0.0.0 0.1.2.3 10.0.0.1 10.255.255.255 100.64.0.1 100.100.100.200 100.127.255.255 127.0.0.1
127.255.255.254 168.63.129.16 169.254.0.1 169.254.169.254 172.16.0.1 172.31.255.255 192.0.0.1
192.0.0.8 192.0.0.192 192.0.2.1 192.88.99.1 192.168.0.1 198.18.0.1 198.19.255.255 198.51.100.1
203.0.113.1 224.0.0.1 239.255.255.255 240.0.0.1 255.255.255.255
:: ::1 ::7f00:1 ::ffff:127.0.0.1 ::ffff:10.0.0.1 ::ffff:169.254.169.254 64:ff9b::7f00:1
64:ff9b::a9fe:a9fe 64:ff9b:1::1 64:ff9b:1::808:808 100::1 2001::1 2001:0:808:808:: 2001:2::1
2001:10::1 2001:20::1 2001:db8::1 2002:7f00:1:: 2002:a00:1:: 3ffe::1 3fff::1 3fff:fff::1
4000::1 5f00::1 fc00::1 fd00:ec2::254 fd20:ce::254 fe80::1 fe80::1%eth0 fec0::1 ff02::1 ff0e::1
""".split()


@pytest.mark.parametrize("address", PUBLIC)
def test_an_address_of_the_internet_is_public(address: str) -> None:
    assert is_public(address)


@pytest.mark.parametrize("address", NOT_PUBLIC)
def test_an_address_of_ones_own_or_of_no_use_is_not_public(address: str) -> None:
    assert not is_public(address)


@given(st.ip_addresses(v=4))
@example(IPv4Address("192.0.0.9"))
def test_an_address_within_an_ipv6_address_is_judged_as_itself(address: IPv4Address) -> None:
    wrapped: list[str | IPv4Address | IPv6Address] = [
        f"::ffff:{address}",
        f"64:ff9b::{address}",
        IPv6Address(0x2002 << 112 | int(address) << 80),
    ]
    assert {is_public(one) for one in wrapped} == {is_public(address)}


@given(st.ip_addresses())
def test_what_python_calls_private_is_never_public(address: IPv4Address | IPv6Address) -> None:
    assert not (address.is_private and is_public(address) and address.version == 4)
    assert not ((address.is_loopback or address.is_link_local) and is_public(address))


@pytest.mark.parametrize("text", ["", "localhost", "127.1", "0x7f.1", "1.2.3.4.5", "[::1]"])
def test_a_name_is_no_address(text: str) -> None:
    with pytest.raises(ValueError, match="address"):
        is_public(text)


@pytest.mark.parametrize(
    ("address", "allowed", "may"),
    [
        ("10.1.2.3", "10.0.0.0/8", True),
        ("::ffff:10.1.2.3", "10.0.0.0/8", True),
        ("10.1.2.3", "10.1.2.3", True),
        ("10.1.2.4", "10.1.2.3", False),
        ("fe80::1%eth0", "fe80::/10", True),
        ("64:ff9b:1::1", "64:ff9b:1::/48", True),
        ("127.0.0.1", "::/0", False),
        ("::1", "0.0.0.0/0", False),
        ("8.8.8.8", "10.0.0.0/8", True),
    ],
)
def test_a_network_that_is_listed_may_be_reached_besides(
    address: str, allowed: str, may: bool
) -> None:
    assert may_be_reached(address, [network(allowed)]) is may
    assert may_be_reached(ip_address(address), [network(allowed)]) is may
