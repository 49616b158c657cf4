import Foundation
import Secrets
import Testing

@Suite("Base64")
struct Base64Tests {
    @Test(
        "the standard form is taken in its canonical spelling only",
        arguments: [
            ("", [] as [UInt8]?), ("QQ==", [65]), ("QUI=", [65, 66]), ("QUJD", [65, 66, 67]),
            ("+/+/", [251, 255, 191]),
            ("QR==", nil), ("QUJ=", nil), ("QQ=", nil), ("QQ", nil), ("Q===", nil), ("QQ==QQ==", nil), ("Q Q=", nil),
            ("-_-_", nil), ("QUJD\n", nil), ("QUJD\0", nil),
        ])
    func standard(text: String, bytes: [UInt8]?) {
        #expect(Base64.standard.decode(Array(text.utf8)) == bytes)
        if let bytes { #expect(Base64.standard.encode(bytes) == text) }
    }

    @Test(
        "the URL form has no padding, and one spelling for each run of bytes",
        arguments: [
            ("", [] as [UInt8]?), ("AA", [0]), ("_-8", [0xFF, 0xEF]), ("A", nil), ("AB", nil), ("ABC", nil),
            ("AAAAA", nil), ("AA==", nil), ("A+AA", nil), ("A/AA", nil), ("AA A", nil), ("é", nil), ("AA.AA", nil),
        ])
    func url(text: String, bytes: [UInt8]?) {
        #expect(Base64.url.decode(Array(text.utf8)) == bytes)
        if let bytes { #expect(Base64.url.encode(bytes) == text) }
    }

    @Test("both are what the system makes of any length", arguments: 0..<20)
    func lengths(count: Int) {
        let bytes = SecureRandom.bytes(count)
        let text = Data(bytes).base64EncodedString()
        #expect(Base64.standard.encode(bytes) == text)
        #expect(Base64.standard.decode(Array(text.utf8)) == bytes)
        let url = text.replacing("+", with: "-").replacing("/", with: "_").replacing("=", with: "")
        #expect(Base64.url.encode(bytes) == url)
        #expect(Base64.url.decode(Array(url.utf8)) == bytes)
    }
}
