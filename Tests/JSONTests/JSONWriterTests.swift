import Testing

@testable import JSON

/// Texts are looked at eight bytes at a time, so what needs an escape is tried at every place of a word.
@Suite("JSON writer")
struct JSONWriterTests {
    /// Each byte by itself, as RFC 8259 section 7 wants it.
    private func quoted(_ bytes: [UInt8]) -> [UInt8] {
        let short: [UInt8: String] = [8: "\\b", 9: "\\t", 10: "\\n", 12: "\\f", 13: "\\r", 0x22: "\\\"", 0x5C: "\\\\"]
        var text = Array("\"".utf8)
        for byte in bytes {
            if let escape = short[byte] {
                text += Array(escape.utf8)
            } else if byte < 0x20 {
                text += Array("\\u00\(byte < 16 ? "0" : "")\(String(byte, radix: 16))".utf8)
            } else {
                text.append(byte)
            }
        }
        return text + Array("\"".utf8)
    }

    private func written(_ bytes: [UInt8]) -> [UInt8] {
        // No room at first, so that it has to grow.
        var writer = JSONWriter(capacity: 0)
        writer.write(quoting: bytes)
        return writer.finish()
    }

    @Test("every byte is written as it must be at every place, whatever stands beside it", arguments: 0..<17)
    func everyByte(place: Int) {
        // Neighbours that differ from an escaped byte by one, where a borrow could mark the wrong one.
        for neighbour: UInt8 in [0x61, 0x20, 0x21, 0x23, 0x5B, 0x5D, 0x1F, 0x22, 0x5C, 0x80, 0xFF] {
            for byte: UInt8 in 0...255 {
                var bytes = [UInt8](repeating: neighbour, count: 17)
                bytes[place] = byte
                #expect(written(bytes) == quoted(bytes))
            }
        }
    }

    @Test("what is written is read back, at every length", arguments: 0..<40)
    func everyLength(count: Int) throws {
        for text in [String(repeating: "\"", count: count), String(repeating: "a", count: count) + "\u{1}é\\"] {
            #expect(try JSONParser.parse(JSONValue.string(text).serialized()) == .string(text))
        }
    }

    @Test("a text that grows by its escapes to six times its length is whole")
    func growing() {
        let bytes = [UInt8](repeating: 1, count: 100_000)
        #expect(written(bytes) == quoted(bytes))
    }
}
