/// Bytes that somebody else owns, lent for the length of one call; every access is held against their end.
///
/// A `Span` would let the compiler see to the first half of that, but a parser cannot keep one in a member yet.
@safe
package struct LentBytes {
    private let start: UnsafePointer<UInt8>?
    package let count: Int

    private init(_ bytes: UnsafeBufferPointer<UInt8>) {
        unsafe start = bytes.baseAddress
        count = bytes.count
    }

    /// - Parameter body: must not let the bytes out.
    @inline(__always)
    package static func lend<Result, Failure>(
        _ bytes: [UInt8], _ body: (LentBytes) throws(Failure) -> Result
    ) throws(Failure) -> Result {
        try unsafe bytes.withUnsafeBufferPointer { (bytes) throws(Failure) in try body(unsafe LentBytes(bytes)) }
    }

    /// - Parameter body: must not let the bytes out.
    @inline(__always)
    package static func lend<Result>(_ text: String, _ body: (LentBytes) -> Result) -> Result {
        let result = unsafe text.utf8.withContiguousStorageIfAvailable { body(unsafe LentBytes($0)) }
        // Only a text that came from Objective-C is not in one piece.
        return result ?? lend(Array(text.utf8), body)
    }

    @inline(__always)
    package subscript(position: Int) -> UInt8 {
        precondition(UInt(bitPattern: position) < UInt(bitPattern: count))
        return unsafe start.unsafelyUnwrapped[position]
    }

    /// The eight bytes from `position` on, the first one lowest.
    @inline(__always)
    func word(at position: Int) -> UInt64 {
        precondition(position >= 0 && position <= count - 8)
        let bytes = unsafe UnsafeRawPointer(start.unsafelyUnwrapped)
        return UInt64(littleEndian: unsafe bytes.loadUnaligned(fromByteOffset: position, as: UInt64.self))
    }

    /// The bytes of the range as a text; what is no UTF-8 in it is replaced.
    @inline(__always)
    func text(_ range: Range<Int>) -> String { unsafe String(decoding: buffer(range), as: UTF8.self) }

    @inline(__always)
    func append(_ range: Range<Int>, to bytes: inout [UInt8]) { unsafe bytes.append(contentsOf: buffer(range)) }

    @inline(__always)
    fileprivate func buffer(_ range: Range<Int>) -> UnsafeBufferPointer<UInt8> {
        precondition(range.lowerBound >= 0 && range.upperBound <= count)
        return unsafe UnsafeBufferPointer(start: start.map { unsafe $0 + range.lowerBound }, count: range.count)
    }

    /// Lends what a builder has so far.
    @inline(__always)
    static func lend<Result>(_ builder: borrowing ByteBuilder, _ body: (LentBytes) -> Result) -> Result {
        unsafe body(LentBytes(builder.written))
    }

    /// Whether these are the bytes of the other.
    func isSame(as other: LentBytes) -> Bool {
        guard count == other.count else { return false }
        var position = 0
        while position <= count - 8 {
            guard word(at: position) == other.word(at: position) else { return false }
            position += 8
        }
        while position < count {
            guard self[position] == other[position] else { return false }
            position += 1
        }
        return true
    }
}

/// Memory that bytes are put into one after the other. An array would ask before each byte whether it is alone.
@safe
struct ByteBuilder: ~Copyable {
    private var start: UnsafeMutablePointer<UInt8>
    private var capacity: Int
    private(set) var count = 0

    init(capacity: Int) {
        self.capacity = max(64, capacity)
        unsafe start = .allocate(capacity: self.capacity)
    }

    deinit {
        unsafe start.deallocate()
    }

    fileprivate var written: UnsafeBufferPointer<UInt8> { unsafe UnsafeBufferPointer(start: start, count: count) }

    /// Copies what was put in.
    var bytes: [UInt8] { unsafe Array(written) }

    /// Copies what was put in.
    var text: String { unsafe String(decoding: written, as: UTF8.self) }

    @inline(__always)
    mutating func reserve(_ more: Int) {
        if capacity - count < more { grow(more) }
    }

    private mutating func grow(_ more: Int) {
        capacity = max(capacity * 2, count + more)
        let larger = UnsafeMutablePointer<UInt8>.allocate(capacity: capacity)
        unsafe larger.update(from: start, count: count)
        unsafe start.deallocate()
        unsafe start = unsafe larger
    }

    @inline(__always)
    mutating func append(_ byte: UInt8) {
        if count == capacity { reserve(1) }
        unsafe start[count] = byte
        count += 1
    }

    /// Copies what can stand in a JSON string as it is, from `first` on; a quote and a backslash with a backslash before
    /// them, as a document that is quoted has little else.
    /// - Returns: the place of the first byte that needs another escape, or the end.
    mutating func appendPlain(of bytes: LentBytes, from first: Int) -> Int {
        var position = first
        while position < bytes.count {
            // A word is put down before it is known how much of it counts.
            reserve(bytes.count - position + 16)
            let left = bytes.count - position
            let word: UInt64
            if left >= 8 {
                word = bytes.word(at: position)
            } else if bytes.count >= 8 {
                // The last bytes of the word before the end; zeros follow, which count as bytes that need an escape.
                word = bytes.word(at: bytes.count - 8) >> (8 * UInt64(8 - left))
            } else {
                var last: UInt64 = 0
                for offset in 0..<left { last |= UInt64(bytes[position + offset]) << (8 * UInt64(offset)) }
                word = last
            }
            unsafe UnsafeMutableRawPointer(start + count).storeBytes(of: word.littleEndian, as: UInt64.self)
            let plain = min(JSONEscapes.plainCount(ofWord: word), left)
            count += plain
            position += plain
            guard plain < 8, position < bytes.count else { continue }
            let byte = bytes[position]
            guard byte == UInt8(ascii: "\"") || byte == UInt8(ascii: "\\") else { return position }
            unsafe start[count] = UInt8(ascii: "\\")
            unsafe start[count + 1] = byte
            count += 2
            position += 1
        }
        return position
    }

    @inline(__always)
    mutating func append(_ bytes: LentBytes, _ range: Range<Int>) {
        let source = unsafe bytes.buffer(range)
        guard let first = source.baseAddress else { return }
        reserve(source.count)
        unsafe (start + count).update(from: first, count: source.count)
        count += source.count
    }
}
