/// The one range of bytes that a request asks for (RFC 9110, 14).
enum ByteRange: Sendable, Hashable {
    /// The whole file: none was asked for, or one that is not understood.
    case whole
    case part(Range<Int>)
    /// It lies behind the end.
    case unsatisfiable

    /// - Parameter field: such as `bytes=0-99`, `bytes=100-` or `bytes=-50`. Several ranges count as none.
    init(_ field: String?, size: Int) {
        guard let field, field.utf8.starts(with: "bytes=".utf8) else {
            self = .whole
            return
        }
        let ends = field.utf8.dropFirst(6).split(separator: UInt8(ascii: "-"), omittingEmptySubsequences: false)
        guard ends.count == 2, let first = Self.number(ends[0]), let last = Self.number(ends[1]) else {
            self = .whole
            return
        }
        switch (first, last) {
        case (.some(let first), let last):
            guard first < size else {
                self = .unsatisfiable
                return
            }
            let end = min(last ?? size - 1, size - 1)
            self = first <= end ? .part(first..<end + 1) : .whole
        case (nil, .some(let count)):
            self = count == 0 || size == 0 ? .unsatisfiable : .part(max(0, size - count)..<size)
        case (nil, nil): self = .whole
        }
    }

    /// - Returns: `.some(nil)` for nothing, `nil` for what is no number.
    private static func number(_ text: Substring.UTF8View) -> Int?? {
        if text.isEmpty { return .some(nil) }
        guard text.count <= 18, text.allSatisfy({ (0x30...0x39).contains($0) }), let number = Int(Substring(text))
        else {
            return nil
        }
        return number
    }
}
