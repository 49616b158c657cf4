/// What is looked at before a JSON text of the other side goes to a decoder that keeps names in a dictionary: hashing a
/// `String` can take time that grows with the square of its length.
enum JSONNames {
    /// Bytes of a name as written; the names of this protocol have at most a tenth, escaped ones included.
    static let limit = 256

    /// Whether no string that stands before a colon is longer than ``limit``. One pass, whatever the text is; a text that
    /// is no JSON is for the decoder to refuse.
    static func areShort(in json: String) -> Bool {
        var length = 0
        var isInside = false
        var isEscaped = false
        var wasLong = false
        for byte in json.utf8 {
            if isInside {
                if isEscaped {
                    isEscaped = false
                } else if byte == UInt8(ascii: "\\") {
                    isEscaped = true
                } else if byte == UInt8(ascii: "\"") {
                    isInside = false
                    wasLong = length > limit
                    continue
                }
                length += 1
                continue
            }
            switch byte {
            case UInt8(ascii: "\""):
                isInside = true
                length = 0
                wasLong = false
            case UInt8(ascii: ":"):
                if wasLong { return false }
            case 0x20, 0x09, 0x0A, 0x0D: continue
            default: wasLong = false
            }
        }
        return true
    }
}
