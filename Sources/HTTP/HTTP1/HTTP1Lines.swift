import Glibc
import Primitives
import Transport

/// Cuts bytes that come in any pieces into lines that end with CR LF. Each byte is looked at once, however many pieces
/// a line comes in, and nothing is copied of a line that comes in one.
struct HTTP1Lines: Sendable {
    enum Line {
        /// Without its end, in the bytes that were given.
        case inside(Range<Int>)
        /// Without its end, in ``held``, which the caller empties with ``release()``.
        case held
    }

    /// The beginning of a line whose end has not come.
    private(set) var held: [UInt8] = []
    /// Bytes that all lines together may still take, ends included.
    private(set) var left: Int

    init(limit: Int) { left = limit }

    /// The next line; `nil` when its end has not come.
    mutating func next(in bytes: Span<UInt8>, at position: inout Int) throws(HTTP1Fault) -> Line? {
        let start = position
        guard let feed = Self.lineFeed(in: bytes, from: start) else {
            try take(bytes.count - start)
            held.append(bytes.extracting(start...))
            position = bytes.count
            return nil
        }
        position = feed + 1
        try take(position - start)
        guard !held.isEmpty else {
            guard feed > start, bytes[feed - 1] == 0x0D else { throw .malformed }
            return .inside(start..<feed - 1)
        }
        held.append(bytes.extracting(start..<feed))
        guard held.last == 0x0D else { throw .malformed }
        held.removeLast()
        return .held
    }

    mutating func release() { held = [] }

    private mutating func take(_ count: Int) throws(HTTP1Fault) {
        left -= count
        if left < 0 { throw .tooLarge }
    }

    private static func lineFeed(in bytes: Span<UInt8>, from start: Int) -> Int? {
        unsafe bytes.withUnsafeBufferPointer { bytes in
            guard let base = bytes.baseAddress, start < bytes.count,
                let found = unsafe memchr(base + start, 0x0A, bytes.count - start)
            else { return nil }
            return unsafe UnsafeRawPointer(found) - UnsafeRawPointer(base)
        }
    }
}

/// The lines of fields, of a head or of trailers.
enum HTTP1FieldLine {
    /// No more of them in one head or trailer section.
    static let maximumCount = 1000

    static func parse(_ line: Span<UInt8>) throws(HTTP1Fault) -> HTTPField {
        // A line that begins with white space continues the one before (obs-fold): nobody may send that, and readers
        // differ in what they make of it. It has no name, so that it is refused with all that have none.
        var colon = 0
        while colon < line.count, line[colon] != UInt8(ascii: ":") { colon += 1 }
        guard colon < line.count, let name = HTTPField.Name(wire: line.extracting(..<colon)) else { throw .malformed }
        var (start, end) = (colon + 1, line.count)
        while start < end, isSpace(line[start]) { start += 1 }
        while end > start, isSpace(line[end - 1]) { end -= 1 }
        for position in start..<end {
            let byte = line[position]
            guard byte >= 0x20 && byte != 0x7F || byte == 0x09 else { throw .malformed }
        }
        return HTTPField(name: name, legalValue: String(line.extracting(start..<end)))
    }

    private static func isSpace(_ byte: UInt8) -> Bool { byte == 0x20 || byte == 0x09 }
}

extension String {
    /// UTF-8; what is none becomes U+FFFD.
    init(_ bytes: Span<UInt8>) {
        self = unsafe bytes.withUnsafeBufferPointer { unsafe String(decoding: $0, as: UTF8.self) }
    }
}

extension Span<UInt8> {
    func isSame(as other: Span<UInt8>) -> Bool {
        guard count == other.count else { return false }
        return unsafe withUnsafeBytes { mine in
            unsafe other.withUnsafeBytes { other in
                guard let mine = mine.baseAddress, let start = other.baseAddress else { return true }
                return unsafe memcmp(mine, start, other.count) == 0
            }
        }
    }

    func equals(_ text: StaticString) -> Bool {
        guard count == text.utf8CodeUnitCount else { return false }
        for position in indices where unsafe self[position] != text.utf8Start[position] { return false }
        return true
    }

    /// - Parameter text: in lower case.
    func hasPrefix(anyCase text: StaticString) -> Bool {
        guard count >= text.utf8CodeUnitCount else { return false }
        for position in 0..<text.utf8CodeUnitCount
        where unsafe self[position].asciiLowercased != text.utf8Start[position] { return false }
        return true
    }
}
