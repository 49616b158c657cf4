import Primitives
import Testing

@Suite("IP addresses")
struct IPAddressTests {
    @Test(
        "one text for one address",
        arguments: [
            ("192.0.2.1", "192.0.2.1"), ("::ffff:192.0.2.1", "192.0.2.1"), ("2001:DB8:0:0::1", "2001:db8::1"),
            ("fe80::1%eth0", "fe80::1"), ("::1", "::1"), ("0.0.0.0", "0.0.0.0"),
        ])
    func text(given: String, text: String) throws {
        let address = try #require(IPAddress(given))
        #expect(address.text == text)
        #expect(IPAddress(text) == address)
        #expect(address.family == (text.contains(":") ? .ipv6 : .ipv4))
    }

    @Test(
        "what is none",
        arguments: [
            "", "1.2.3", "1.2.3.4.5", "01.2.3.4x", "::g", "1.2.3.4\0.evil", "%eth0", "[::1]",
            String(repeating: "1", count: 65),
        ])
    func none(text: String) {
        #expect(IPAddress(text) == nil)
    }
}
