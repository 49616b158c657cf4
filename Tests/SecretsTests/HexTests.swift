import Secrets
import Testing

@Suite("Hexadecimal text")
struct HexTests {
    @Test("every byte survives the way to text and back, in either case")
    func roundTrip() {
        let bytes = (0...255).map { UInt8($0) }
        let text = Hex.encode(bytes)
        #expect(text.count == 512)
        #expect(text.hasPrefix("000102"))
        #expect(text.hasSuffix("fdfeff"))
        #expect(Hex.decode(text) == bytes)
        #expect(Hex.decode(text.uppercased()) == bytes)
        #expect(Hex.decode("") == [])
    }

    @Test("anything else is refused", arguments: ["0", "abc", "0g", "zz", " 0a", "0x0a", "０１", "0a\n"])
    func refused(text: String) {
        #expect(Hex.decode(text) == nil)
    }
}
