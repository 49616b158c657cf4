/// The JSON form of log lines.
package enum LogJSON {
    /// One object of texts on one line, its keys in order.
    package static func line(_ fields: Logger.Metadata) -> String {
        var bytes: [UInt8] = []
        bytes.reserveCapacity(256)
        bytes.append(UInt8(ascii: "{"))
        for entry in fields.entries {
            if bytes.count > 1 { bytes.append(UInt8(ascii: ",")) }
            append(entry.key, to: &bytes)
            bytes.append(UInt8(ascii: ":"))
            append(entry.value.description, to: &bytes)
        }
        bytes.append(UInt8(ascii: "}"))
        return String(decoding: bytes, as: UTF8.self)
    }

    private static func append(_ text: String, to bytes: inout [UInt8]) {
        let digits = Array("0123456789abcdef".utf8)
        let backslash = UInt8(ascii: "\\")
        bytes.append(UInt8(ascii: "\""))
        for byte in text.utf8 {
            switch byte {
            case UInt8(ascii: "\""), backslash: bytes += [backslash, byte]
            case 0x08: bytes += [backslash, UInt8(ascii: "b")]
            case 0x09: bytes += [backslash, UInt8(ascii: "t")]
            case 0x0A: bytes += [backslash, UInt8(ascii: "n")]
            case 0x0C: bytes += [backslash, UInt8(ascii: "f")]
            case 0x0D: bytes += [backslash, UInt8(ascii: "r")]
            case 0..<0x20:
                bytes += [backslash, UInt8(ascii: "u"), UInt8(ascii: "0"), UInt8(ascii: "0")]
                bytes += [digits[Int(byte >> 4)], digits[Int(byte & 15)]]
            default: bytes.append(byte)
            }
        }
        bytes.append(UInt8(ascii: "\""))
    }
}
