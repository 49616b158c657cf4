extension JSONValue {
    /// The value as compact UTF-8 JSON; numbers as they were written.
    public func serialized() -> [UInt8] {
        var writer = JSONWriter()
        writer.write(self)
        return writer.finish()
    }

    /// The value as compact JSON text.
    public var text: String {
        var writer = JSONWriter()
        writer.write(self)
        return writer.finishText()
    }
}

/// Writes compact JSON with no more escapes than RFC 8259 demands.
///
/// Every answer goes through here, so it writes into memory of its own: an array would ask before each byte whether it
/// is alone and has room.
struct JSONWriter: ~Copyable {
    private var start: UnsafeMutablePointer<UInt8>
    private var capacity: Int
    private(set) var count = 0

    init(capacity: Int = 512) {
        self.capacity = max(64, capacity)
        start = .allocate(capacity: self.capacity)
    }

    deinit {
        start.deallocate()
    }

    /// What was written.
    consuming func finish() -> [UInt8] {
        Array(UnsafeBufferPointer(start: start, count: count))
    }

    consuming func finishText() -> String {
        String(decoding: UnsafeBufferPointer(start: start, count: count), as: UTF8.self)
    }

    // MARK: Values

    mutating func write(_ value: JSONValue) {
        switch value {
        case .null: write(raw: "null")
        case .bool(true): write(raw: "true")
        case .bool(false): write(raw: "false")
        case .number(.integer(let number)): write(number)
        case .number(.literal(let literal)): withBytes(of: literal.text) { writer, bytes in writer.write(raw: bytes) }
        case .string(let text): write(quoting: text)
        case .array(let elements):
            write(byte: UInt8(ascii: "["))
            var isFirst = true
            for element in elements {
                if !isFirst { write(byte: UInt8(ascii: ",")) }
                isFirst = false
                write(element)
            }
            write(byte: UInt8(ascii: "]"))
        case .object(let object):
            write(byte: UInt8(ascii: "{"))
            write(membersOf: object, afterOthers: false)
            write(byte: UInt8(ascii: "}"))
        }
    }

    /// The members of an object that is open: `"key":value` and so on.
    mutating func write(membersOf object: JSONObject, afterOthers: Bool) {
        var isFirst = !afterOthers
        for (key, value) in object.members {
            if !isFirst { write(byte: UInt8(ascii: ",")) }
            isFirst = false
            write(quoting: key)
            write(byte: UInt8(ascii: ":"))
            write(value)
        }
    }

    /// A string literal of the text.
    mutating func write(quoting text: String) {
        withBytes(of: text) { writer, bytes in writer.write(quoting: bytes) }
    }

    /// A string literal of the text whose UTF-8 these bytes are.
    mutating func write(quoting bytes: UnsafeBufferPointer<UInt8>) {
        // Most texts need no escapes: room for them all at once, and more where an escape takes it.
        reserve(bytes.count + 2)
        put(UInt8(ascii: "\""))
        var position = 0
        while position < bytes.count {
            let run = JSONEscapes.plainPrefix(of: UnsafeBufferPointer(rebasing: bytes[position...]))
            put(UnsafeBufferPointer(rebasing: bytes[position..<position + run]))
            position += run
            guard position < bytes.count else { break }
            writeEscape(of: bytes[position], thenAtLeast: bytes.count - position)
            position += 1
        }
        put(UInt8(ascii: "\""))
    }

    // MARK: What is JSON already

    mutating func write(raw text: StaticString) {
        write(raw: UnsafeBufferPointer(start: text.utf8Start, count: text.utf8CodeUnitCount))
    }

    mutating func write(raw bytes: UnsafeBufferPointer<UInt8>) {
        reserve(bytes.count)
        put(bytes)
    }

    private mutating func write(byte: UInt8) {
        reserve(1)
        put(byte)
    }

    private mutating func write(_ number: Int64) {
        // 19 digits and a sign.
        reserve(20)
        if number < 0 { put(UInt8(ascii: "-")) }
        var rest = number.magnitude
        let begin = count
        repeat {
            put(0x30 + UInt8(rest % 10))
            rest /= 10
        } while rest != 0
        // The digits came last first.
        var digits = UnsafeMutableBufferPointer(start: start + begin, count: count - begin)
        digits.reverse()
    }

    /// - Parameter rest: bytes of the text that are still to come, the escaped one included.
    private mutating func writeEscape(of byte: UInt8, thenAtLeast rest: Int) {
        reserve(6 + rest)
        put(UInt8(ascii: "\\"))
        switch byte {
        case 0x08: put(UInt8(ascii: "b"))
        case 0x09: put(UInt8(ascii: "t"))
        case 0x0A: put(UInt8(ascii: "n"))
        case 0x0C: put(UInt8(ascii: "f"))
        case 0x0D: put(UInt8(ascii: "r"))
        case 0..<0x20:
            write(raw: "u00")
            put(Self.hexDigit(byte >> 4))
            put(Self.hexDigit(byte & 0xF))
        default: put(byte)
        }
    }

    private static func hexDigit(_ nibble: UInt8) -> UInt8 { nibble < 10 ? 0x30 + nibble : 0x57 + nibble }

    private mutating func withBytes(
        of text: String, _ body: (inout JSONWriter, UnsafeBufferPointer<UInt8>) -> Void
    ) {
        let isWritten: Void? = text.utf8.withContiguousStorageIfAvailable { body(&self, $0) }
        if isWritten == nil { Array(text.utf8).withUnsafeBufferPointer { body(&self, $0) } }
    }

    // MARK: Memory

    private mutating func reserve(_ more: Int) {
        guard capacity - count < more else { return }
        capacity = max(capacity * 2, count + more)
        let larger = UnsafeMutablePointer<UInt8>.allocate(capacity: capacity)
        larger.update(from: start, count: count)
        start.deallocate()
        start = larger
    }

    /// Only after ``reserve(_:)``.
    private mutating func put(_ byte: UInt8) {
        start[count] = byte
        count += 1
    }

    /// Only after ``reserve(_:)``.
    private mutating func put(_ bytes: UnsafeBufferPointer<UInt8>) {
        guard let source = bytes.baseAddress else { return }
        (start + count).update(from: source, count: bytes.count)
        count += bytes.count
    }
}

/// Which bytes of a text cannot stand in a JSON string as they are; asked by the writer and by the reader.
enum JSONEscapes {
    /// How many bytes at the beginning need no escape, looked at eight at a time.
    static func plainPrefix(of bytes: UnsafeBufferPointer<UInt8>) -> Int {
        let raw = UnsafeRawBufferPointer(bytes)
        var position = 0
        while position + 8 <= raw.count {
            let word = raw.loadUnaligned(fromByteOffset: position, as: UInt64.self)
            guard !hasEscape(word) else { break }
            position += 8
        }
        while position < raw.count, !needsEscape(raw[position]) { position += 1 }
        return position
    }

    private static func needsEscape(_ byte: UInt8) -> Bool {
        byte < 0x20 || byte == UInt8(ascii: "\"") || byte == UInt8(ascii: "\\")
    }

    private static let ones: UInt64 = 0x0101_0101_0101_0101
    private static let highs: UInt64 = 0x8080_8080_8080_8080

    /// Whether one of eight bytes has its high bit set.
    @inline(__always)
    static func isBeyondASCII(_ word: UInt64) -> Bool { word & highs != 0 }

    /// Whether one of eight bytes needs an escape.
    @inline(__always)
    static func hasEscape(_ word: UInt64) -> Bool {
        // A borrow sets the high bit of a byte that was below what is taken from it.
        func hasZero(_ word: UInt64) -> UInt64 { (word &- ones) & ~word }
        let control = (word &- (ones &* 0x20)) & ~word
        let quote = hasZero(word ^ (ones &* UInt64(UInt8(ascii: "\""))))
        let backslash = hasZero(word ^ (ones &* UInt64(UInt8(ascii: "\\"))))
        return (control | quote | backslash) & highs != 0
    }
}
