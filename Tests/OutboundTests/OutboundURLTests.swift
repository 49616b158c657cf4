import Testing

@testable import Outbound

struct OutboundURLTests {
    @Test(
        "scheme, host and port are read",
        arguments: [
            ("http://example.com", "example.com", 80), ("HTTPS://Example.COM:8443/a?b#c", "example.com", 8443),
            ("https://user:word@example.com/", "example.com", 443),
            ("http://[2606:4700::1111]:81/", "2606:4700::1111", 81),
            // Other ways to write 127.0.0.1.
            ("http://2130706433/", "127.0.0.1", 80), ("http://0177.0.0.1/", "127.0.0.1", 80),
            ("http://0x7f.1/", "127.0.0.1", 80), ("http://127.1/", "127.0.0.1", 80),
        ])
    func read(_ text: String, _ host: String, _ port: UInt16) throws {
        let url = try OutboundURL(text)
        #expect(url.host.lowercased() == host)
        #expect(url.port == port)
        #expect(try OutboundURL(url.text) == url)
    }

    @Test(
        "everything else is refused",
        arguments: [
            "", "example.com", "//example.com/", "ftp://example.com/", "file:///etc/passwd", "gopher://example.com/",
            "dict://127.0.0.1:1/", "http://", "http://:80/", "http://example.com:0/", "http://example.com:65536/",
            "http://example.com:x/", "http://a b.example/", "http://[::1", "http://[fe80::1%25eth0]/",
            "http://a\u{0}b/",
            "http://a\r\nHost: b/",
        ])
    func refused(_ text: String) {
        #expect(throws: OutboundError.malformedURL) { try OutboundURL(text) }
    }

    @Test("blanks and letters of any script are encoded, what is encoded stays")
    func encoded() throws {
        #expect(try OutboundURL("http://example.com/a b?c=ü&d=%20").text == "http://example.com/a%20b?c=%c3%bc&d=%20")
    }

    @Test("a URL of 64 KiB is read, one byte more is not")
    func length() throws {
        let start = "http://example.com/"
        let path = String(repeating: "a", count: (64 << 10) - start.utf8.count)
        _ = try OutboundURL(start + path)
        #expect(throws: OutboundError.malformedURL) { try OutboundURL(start + path + "a") }
    }
}
