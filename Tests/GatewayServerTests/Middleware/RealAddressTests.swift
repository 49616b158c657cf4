import MCPServer
import Testing

@Suite("The address behind a request")
struct RealAddressTests {
    struct Case: Sendable, CustomTestStringConvertible {
        var setting: String
        var peer: String?
        var proxies: [String] = []
        var header: String?
        /// `nil`: unknown.
        var real: String?

        var testDescription: String { "\(setting) \(peer ?? "-") \(proxies) \(header ?? "-")" }
    }

    private func resolve(_ item: Case) throws(RealAddress.HeaderMissing) -> String? {
        try RealAddress.resolve(setting: item.setting, peer: item.peer, trustedProxies: item.proxies) { name in
            name == item.setting ? item.header : nil
        }
    }

    private static let proxies = ["10.0.0.0/8", "fd00::/8"]

    @Test(
        "who is it",
        arguments: [
            // Nothing configured: the peer, unless it is a proxy that nobody named.
            Case(setting: "", peer: "198.51.100.7", real: "198.51.100.7"),
            Case(setting: "", peer: "127.0.0.1"), Case(setting: "", peer: "::1"),
            Case(setting: "", peer: "10.1.2.3"), Case(setting: "", peer: "172.17.0.1"),
            Case(setting: "", peer: "fd00::1"),
            Case(setting: "", peer: "172.32.0.1", real: "172.32.0.1"),
            Case(setting: "", peer: "::ffff:192.168.1.1"), Case(setting: "", peer: nil),
            // The peer by configuration, whatever it is.
            Case(setting: RealAddress.usePeer, peer: "127.0.0.1", real: "127.0.0.1"),
            Case(setting: RealAddress.usePeer, peer: "::ffff:198.51.100.7", real: "198.51.100.7"),
            // A header, from anybody while no proxies are named; the right-most value.
            Case(setting: "X-Real-IP", peer: "203.0.113.1", header: "198.51.100.7", real: "198.51.100.7"),
            Case(setting: "X-Real-IP", peer: "127.0.0.1", header: "1.1.1.1, 198.51.100.7", real: "198.51.100.7"),
            Case(setting: "X-Real-IP", peer: "127.0.0.1", header: "::FFFF:198.51.100.7", real: "198.51.100.7"),
            Case(setting: "X-Real-IP", peer: "127.0.0.1", header: "2001:DB8:0::1", real: "2001:db8::1"),
            // Named proxies: theirs only, and past their own addresses.
            Case(setting: "XFF", peer: "203.0.113.1", proxies: proxies, header: "1.1.1.1", real: "203.0.113.1"),
            Case(setting: "XFF", peer: "10.0.0.1", proxies: proxies, header: "1.1.1.1, 10.0.0.9", real: "1.1.1.1"),
            Case(
                setting: "XFF", peer: "10.0.0.1", proxies: proxies, header: "1.1.1.1, 2.2.2.2, 10.0.0.9",
                real: "2.2.2.2"),
            Case(setting: "XFF", peer: "fd00::5", proxies: proxies, header: "2001:db8::9", real: "2001:db8::9"),
        ])
    func resolved(item: Case) throws {
        #expect(try resolve(item) == item.real)
    }

    @Test(
        "a configured header that is missing or holds no address refuses the request",
        arguments: [nil, "", "unknown", "1.2.3", "1.2.3.4.5", "1.1.1.1, junk", "198.51.100.7:80"])
    func missing(header: String?) {
        #expect(throws: RealAddress.HeaderMissing.self) {
            try resolve(Case(setting: "X-Real-IP", peer: "203.0.113.1", header: header))
        }
    }
}
