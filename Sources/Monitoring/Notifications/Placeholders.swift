import JSON

/// Fills `#NAME#` placeholders. What is filled in is not looked at again, so that no name of a server can bring
/// placeholders of its own.
enum Placeholders {
    /// Bytes, but for the last text that was filled in.
    static let limit = 1 << 20

    ///
    /// What comes to more than ``limit`` is cut there: a name that is filled in a thousand times.
    static func fill(
        _ template: String, _ value: (Substring.UTF8View) -> String?, escape: (String) -> String
    ) -> String {
        let bytes = template.utf8
        var result: [UInt8] = []
        result.reserveCapacity(bytes.count)
        var index = bytes.startIndex
        while index < bytes.endIndex, result.count < limit {
            guard bytes[index] == UInt8(ascii: "#") else {
                result.append(bytes[index])
                index = bytes.index(after: index)
                continue
            }
            let start = bytes.index(after: index)
            if let end = bytes[start...].firstIndex(of: UInt8(ascii: "#")),
                let text = value(template[start..<end].utf8)
            {
                result += escape(text).utf8
                index = bytes.index(after: end)
            } else {
                result.append(UInt8(ascii: "#"))
                index = start
            }
        }
        return String(decoding: result, as: UTF8.self)
    }

    /// As it stands between the quotation marks of a JSON text.
    static func json(_ text: String) -> String {
        String(decoding: JSONValue.string(text).serialized().dropFirst().dropLast(), as: UTF8.self)
    }
}
