import Testing

@testable import DomainNames

@Suite("Domain names")
struct DomainNameTests {
    @Test(
        "become ASCII in lower case",
        arguments: [
            ("bücher.example", "xn--bcher-kva.example"), ("WWW.Example.TEST", "www.example.test"),
            ("例え.テスト", "xn--r8jz45g.xn--zckzah"), ("BÜCHER.example", "xn--bcher-kva.example"),
            ("faß.example", "xn--fa-hia.example"), ("a。b", "a.b"), ("", ""), (".", "."), ("a.example.", "a.example."),
            ("xn--bcher-kva.example", "xn--bcher-kva.example"), ("XN--BCHER-KVA.example", "xn--bcher-kva.example"),
            ("a--b.example", "a--b.example"),
            (String(repeating: "x", count: 64) + ".example", String(repeating: "x", count: 64) + ".example"),
        ])
    func good(name: String, expected: String) throws {
        #expect(try DomainName.ascii(name) == expected)
    }

    @Test(
        "what no host name holds is refused and named",
        arguments: [
            ("*.example.test", "idna: disallowed rune U+002A"), ("_a.example.test", "idna: disallowed rune U+005F"),
            ("a b.example", "idna: disallowed rune U+0020"), ("a\0b", "idna: disallowed rune U+0000"),
            ("-a.example", "idna: invalid label \"-a\""), ("a-.example", "idna: invalid label \"a-\""),
            ("xn--a-ecp.ru", "idna: invalid label \"a⒈\""),
        ])
    func bad(name: String, reason: String) {
        #expect { try DomainName.ascii(name) } throws: { "\($0)" == reason }
    }

    @Test("a name of 1,024 bytes is looked at, a longer one is not")
    func length() throws {
        let name = String(repeating: "a.", count: 512)
        #expect(try DomainName.ascii(name) == name)
        #expect(throws: DomainNameError.self) { try DomainName.ascii(name + "a") }
        #expect(throws: DomainNameError.self) { try DomainName.ascii(String(repeating: "\u{301}", count: 1 << 20)) }
    }

    @Test(
        "an encoded label that stands for plain letters, or for nothing, is refused",
        arguments: ["xn--abc-.x", "xn--.x", "xn--\u{FC}.x"])
    func encoded(name: String) {
        #expect(throws: DomainNameError.self) { try DomainName.ascii(name) }
    }
}
