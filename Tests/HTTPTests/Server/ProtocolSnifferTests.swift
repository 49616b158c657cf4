import Testing

@testable import HTTP

@Suite("Telling HTTP/1 from HTTP/2 by the first bytes")
struct ProtocolSnifferTests {
    @Test(
        "the first byte that is not the preface's decides",
        arguments: [
            "GET / HTTP/1.1", "POST /mcp", "PUT /", "PATCH /", "PRI /x HTTP/1.1", "\u{16}\u{3}\u{1}", "PRI * HTTP/1.1",
        ])
    func http1(text: String) {
        var sniffer = ProtocolSniffer()
        #expect(sniffer.feed(Array(text.utf8)) == .http1)
    }

    @Test("the preface is known at its 14th byte, however it is cut")
    func prefaceInPieces() {
        var sniffer = ProtocolSniffer()
        for byte in ProtocolSniffer.preface.dropLast() { #expect(sniffer.feed([byte]) == .undecided) }
        #expect(sniffer.feed([ProtocolSniffer.preface[13]]) == .http2)
        #expect(sniffer.feed(Array("GET".utf8)) == .http2)
    }

    @Test("POST differs at its second byte only")
    func sharedFirstByte() {
        var sniffer = ProtocolSniffer()
        #expect(sniffer.feed(Array("P".utf8)) == .undecided)
        #expect(sniffer.feed(Array("O".utf8)) == .http1)
    }

    @Test("no bytes, no verdict")
    func empty() {
        var sniffer = ProtocolSniffer()
        #expect(sniffer.feed([]) == .undecided)
    }
}

extension ProtocolSniffer {
    fileprivate mutating func feed(_ bytes: [UInt8]) -> Verdict {
        bytes.reduce(.undecided) { _, byte in feed(byte) }
    }
}
