import Testing
import Transport

@testable import Outbound

struct AddressGuardTests {
    private func permits(_ text: String, allowing networks: [String] = []) throws -> Bool {
        AddressGuard(allowing: try networks.map { try #require(IPNetwork($0)) })
            .permits(try #require(SocketAddress(text, port: 443)))
    }

    @Test(
        "SSRF: no address that is not public is reached",
        arguments: [
            "0.0.0.0", "0.255.255.255", "10.0.0.0", "10.255.255.255", "100.64.0.0", "100.127.255.255", "127.0.0.1",
            "127.255.255.255", "169.254.0.1", "169.254.169.254", "172.16.0.0", "172.31.255.255", "192.0.0.8",
            "192.0.2.1",
            "192.88.99.1", "192.168.0.0", "192.168.255.255", "198.18.0.0", "198.19.255.255", "198.51.100.7",
            "203.0.113.9",
            "224.0.0.1", "239.255.255.255", "240.0.0.1", "255.255.255.255", "::", "::1", "::7f00:1", "::ffff:127.0.0.1",
            "::ffff:8.8.8.8", "64:ff9b::7f00:1", "64:ff9b::808:808", "64:ff9b:1::1", "100::1", "2001::1", "2001:2::1",
            "2001:10::1", "2001:20::1", "2001:1ff:ffff::1", "2001:db8::1", "2002:7f00:1::1", "2002:808:808::1",
            "3fff::1",
            "3fff:fff::1", "5f00::1", "4000::1", "1fff::1", "fc00::1", "fdff::1", "fe80::1", "febf::1", "fec0::1",
            "ff02::1",
        ])
    func notPublic(_ address: String) throws { #expect(try !permits(address)) }

    @Test(
        "what lies beside the reserved ranges is reached",
        arguments: [
            "1.0.0.1", "9.255.255.255", "11.0.0.0", "100.63.255.255", "100.128.0.0", "126.255.255.255", "128.0.0.1",
            "169.253.255.255", "169.255.0.0", "172.15.255.255", "172.32.0.0", "192.0.1.0", "192.0.3.0",
            "192.167.255.255",
            "192.169.0.0", "198.17.255.255", "198.20.0.0", "198.51.99.255", "203.0.112.255", "203.0.114.0",
            "223.255.255.255", "2000::1", "2001:200::1", "2001:db7::1", "2001:db9::1", "2003::1", "2606:4700::1111",
            "3ffe::1", "3fff:1000::1",
        ])
    func isPublic(_ address: String) throws { #expect(try permits(address)) }

    @Test("a network of the configuration opens itself and nothing beside it")
    func allowed() throws {
        #expect(try permits("10.1.2.3", allowing: ["10.1.2.0/24"]))
        #expect(try !permits("10.1.3.0", allowing: ["10.1.2.0/24"]))
        #expect(try permits("127.0.0.1", allowing: ["fd00::/8", "127.0.0.1"]))
        #expect(try !permits("127.0.0.2", allowing: ["127.0.0.1"]))
        #expect(try permits("fd12::1", allowing: ["fd00::/8"]))
        // IPv4 in IPv6 clothes stays out, also where the network is open.
        #expect(try !permits("::ffff:127.0.0.1", allowing: ["127.0.0.0/8"]))
    }

    @Test(
        "what is no network is none",
        arguments: [
            "", "/8", "10.0.0.0/", "10.0.0.0/33", "10.0.0.0/-1", "fd00::/129", "10.0.0/8", "name", "10.0.0.0/8/8",
        ])
    func malformed(_ text: String) { #expect(IPNetwork(text) == nil) }

    @Test("prefixes of every length, in both families", arguments: [0, 1, 31, 32])
    func lengths(_ bits: Int) throws {
        let network = try #require(IPNetwork("128.0.0.0/\(bits)"))
        #expect(network.contains(try #require(SocketAddress("128.0.0.0", port: 1))))
        #expect(network.contains(try #require(SocketAddress("128.0.0.1", port: 1))) == (bits < 32))
        #expect(network.contains(try #require(SocketAddress("127.0.0.1", port: 1))) == (bits == 0))
        #expect(!network.contains(try #require(SocketAddress("8000::", port: 1))))
        #expect(try #require(IPNetwork("::/0")).contains(try #require(SocketAddress("fe80::1", port: 1))))
    }
}
