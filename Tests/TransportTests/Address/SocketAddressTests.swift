import Testing

@testable import Transport

@Suite("Addresses of sockets") struct SocketAddressTests {
    @Test(
        "texts have no port, no zone and no mapped form",
        arguments: [
            ("127.0.0.1", "127.0.0.1", "127.0.0.1:80"),
            ("255.255.255.255", "255.255.255.255", "255.255.255.255:80"),
            ("::ffff:192.0.2.7", "192.0.2.7", "192.0.2.7:80"),
            ("::ffff:0:192.0.2.7", "::ffff:0:c000:207", "[::ffff:0:c000:207]:80"),
            ("2001:DB8:0:0:0:0:0:1", "2001:db8::1", "[2001:db8::1]:80"),
            ("::", "::", "[::]:80"),
            ("::1", "::1", "[::1]:80"),
        ])
    func texts(given: String, shown: String, withPort: String) throws {
        let address = try #require(SocketAddress(given, port: 80))
        #expect(address.text == shown)
        #expect(address.textWithPort == withPort)
        #expect(address.port == 80)
    }

    @Test(
        "what is no address is none", arguments: ["", "localhost", "1.2.3", "[::1]", "1.2.3.4:5", "::1%lo", "1.2.3.4 "])
    func refused(text: String) { #expect(SocketAddress(text, port: 1) == nil) }

    @Test("a zone is kept for the system and not shown")
    func zone() async throws {
        let found = try await Resolver.resolve("fe80::1%lo", port: 7, limit: .seconds(10))
        #expect(found.map(\.text) == ["fe80::1"])
        #expect(found.first != SocketAddress("fe80::1", port: 7))
    }

    @Test("the system gets the address that it gave", arguments: ["127.0.0.1", "2001:db8::7:1"])
    func roundTrip(text: String) throws {
        let address = try #require(SocketAddress(text, port: 4711))
        let again = unsafe address.withSocketAddress { pointer, count in
            unsafe SocketAddress(UnsafeRawBufferPointer(start: pointer, count: Int(count)))
        }
        #expect(again == address)
    }

    @Test("a network of IPv6 counts as one, an address of IPv4 for itself")
    func networks() throws {
        func network(_ text: String) throws -> SocketAddress.Network {
            try #require(SocketAddress(text, port: 1)).network
        }
        #expect(try network("2001:db8::1") == network("2001:db8::2:3"))
        #expect(try network("2001:db8::1") != network("2001:db8:0:1::1"))
        #expect(try network("192.0.2.1") != network("192.0.2.2"))
        #expect(try network("192.0.2.1") == network("::ffff:192.0.2.1"))
    }
}
