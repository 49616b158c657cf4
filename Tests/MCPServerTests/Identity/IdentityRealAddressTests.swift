import Primitives
import Testing

@testable import MCPServer

@Suite("The address behind a request")
struct IdentityRealAddressTests {
    private static func resolve(
        _ setting: String, peer: String?, trusted: [String] = [], header: String? = nil
    ) throws -> String? {
        try RealAddress.resolve(setting: setting, peer: peer, trustedProxies: trusted) { _ in header }
    }

    @Test(
        "without a setting the peer counts, unless it is local: that may be a proxy nobody configured",
        arguments: [
            ("203.0.113.1", "203.0.113.1"), ("2001:DB8::1", "2001:db8::1"), ("::ffff:203.0.113.1", "203.0.113.1"),
            ("127.0.0.1", nil), ("127.8.8.8", nil), ("10.0.0.1", nil), ("172.16.0.1", nil),
            ("172.32.0.1", "172.32.0.1"),
            ("192.168.1.1", nil), ("::1", nil), ("fd00::1", nil), ("fe80::1%eth0", nil), ("::ffff:10.0.0.1", nil),
            ("nonsense", nil), (nil, nil),
        ] as [(String?, String?)])
    func unset(peer: String?, expected: String?) throws {
        #expect(try Self.resolve("", peer: peer, header: "198.51.100.1") == expected)
    }

    @Test(
        "what a peer says of the request counts from everybody until trusted proxies are named, then from those",
        arguments: [
            ("203.0.113.1", [], true), (nil, [], true), ("203.0.113.1", ["203.0.113.1"], true),
            ("203.0.113.2", ["203.0.113.1"], false), ("10.1.2.3", ["203.0.113.1", "10.0.0.0/8"], true),
            ("::ffff:10.1.2.3", ["10.0.0.0/8"], true), ("nonsense", ["10.0.0.0/8"], false),
            (nil, ["10.0.0.0/8"], false),
        ] as [(String?, [String], Bool)])
    func trust(peer: String?, trusted: [String], expected: Bool) {
        #expect(RealAddress.isTrusted(peer: peer, trustedProxies: trusted) == expected)
    }

    @Test("the peer counts where the setting says so")
    func usePeer() throws {
        #expect(try Self.resolve("NZ::Use-Peer-IP", peer: "127.0.0.1") == "127.0.0.1")
        #expect(try Self.resolve("NZ::Use-Peer-IP", peer: nil) == nil)
    }

    @Test("of a list the right-most address counts, past trusted proxies")
    func lists() throws {
        let forged = "1.1.1.1, 198.51.100.7"
        #expect(try Self.resolve("X-Real-IP", peer: "203.0.113.1", header: forged) == "198.51.100.7")
        let trusted = ["10.0.0.0/8", "203.0.113.1"]
        #expect(
            try Self.resolve("X-F", peer: "203.0.113.1", trusted: trusted, header: "1.1.1.1, 198.51.100.7, 10.2.3.4")
                == "198.51.100.7")
        #expect(try Self.resolve("X-F", peer: "10.9.9.9", trusted: trusted, header: "10.1.1.1") == "10.1.1.1")
        #expect(try Self.resolve("X-F", peer: "10.9.9.9", trusted: trusted, header: "bad, 10.1.1.1") == "10.1.1.1")
    }

    @Test("a header from a peer that is no trusted proxy is ignored")
    func untrusted() throws {
        #expect(try Self.resolve("X-F", peer: "192.0.2.9", trusted: ["10.0.0.0/8"], header: "1.1.1.1") == "192.0.2.9")
    }

    @Test(
        "a configured header that is missing or holds no address refuses the request",
        arguments: [
            nil, "", " ", "unknown", "1.2.3", "1.2.3.4.5", "198.51.100.1:80", "198.51.100.1, ",
        ] as [String?])
    func missing(header: String?) {
        #expect(throws: RealAddress.HeaderMissing.self) { try Self.resolve("X-F", peer: "10.0.0.1", header: header) }
    }

    @Test(
        "ranges contain what their prefix says",
        arguments: [
            ("10.0.0.0/8", "10.255.0.1", true), ("10.0.0.0/8", "11.0.0.1", false),
            ("192.0.2.128/25", "192.0.2.200", true),
            ("192.0.2.128/25", "192.0.2.1", false), ("0.0.0.0/0", "8.8.8.8", true), ("0.0.0.0/0", "::1", false),
            ("2001:db8::/33", "2001:db8:7fff::1", true), ("2001:db8::/33", "2001:db8:8000::1", false),
            ("192.0.2.7", "192.0.2.7", true), ("192.0.2.7", "192.0.2.8", false),
        ])
    func ranges(range: String, address: String, expected: Bool) throws {
        let range = try #require(IPRange(range))
        #expect(range.contains(try #require(IPAddress(address))) == expected)
    }

    @Test("what is no range", arguments: ["", "10.0.0.0/33", "10.0.0.0/-1", "::/129", "host/8", "10.0.0.0/8/8", "/8"])
    func malformed(text: String) {
        #expect(IPRange(text) == nil)
    }
}
