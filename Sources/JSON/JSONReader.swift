/// One pass over the bytes of a document. Lives only inside the call that owns the bytes.
struct JSONReader {
    let bytes: LentBytes
    let limits: JSONLimits
    var position = 0
    /// Where an escaped string is put together; kept for its capacity.
    var scratch: [UInt8] = []
    private(set) var captured: Range<Int>?
    /// The first fault within the captured value.
    private(set) var fault: JSONParseError?
    private var isInCaptured = false

    private let path: [String]?
    private var valuesLeft: Int

    init(_ bytes: LentBytes, limits: JSONLimits, capturing path: [String]?) {
        self.bytes = bytes
        self.limits = limits
        self.path = path
        self.valuesLeft = limits.values
    }

    mutating func readDocument() throws(JSONParseError) -> JSONValue {
        if bytes.count >= 3, bytes[0] == 0xEF, bytes[1] == 0xBB, bytes[2] == 0xBF { throw .byteOrderMark }
        skipWhitespace()
        let value = try readValue(depth: 0, matched: path == nil ? nil : 0)
        skipWhitespace()
        guard position == bytes.count else { throw .trailingBytes(offset: position) }
        return value
    }

    /// - Parameter matched: how many components of the captured path lead here; `nil` off that path.
    private mutating func readValue(depth: Int, matched: Int?) throws(JSONParseError) -> JSONValue {
        guard position < bytes.count else { throw .unexpectedEnd(offset: position) }
        guard valuesLeft > 0 else { throw .tooManyValues(limit: limits.values, offset: position) }
        valuesLeft -= 1
        let start = position
        let isCaptured = matched != nil && matched == path?.count
        if isCaptured { isInCaptured = true }
        let value: JSONValue
        switch bytes[position] {
        case UInt8(ascii: "\""): value = .string(try readString())
        case UInt8(ascii: "{"): value = try readObject(depth: depth + 1, matched: matched)
        case UInt8(ascii: "["): value = try readArray(depth: depth + 1)
        case UInt8(ascii: "-"), UInt8(ascii: "0")...UInt8(ascii: "9"): value = .number(try readNumber())
        case UInt8(ascii: "t"):
            try expect("true")
            value = .bool(true)
        case UInt8(ascii: "f"):
            try expect("false")
            value = .bool(false)
        case UInt8(ascii: "n"):
            try expect("null")
            value = .null
        case let byte: throw .unexpectedByte(byte, offset: position)
        }
        if isCaptured {
            captured = start..<position
            isInCaptured = false
        }
        return value
    }

    /// Notes a fault within the captured value; one elsewhere ends the reading.
    private mutating func tolerate(_ found: JSONParseError) throws(JSONParseError) {
        guard isInCaptured else { throw found }
        if fault == nil { fault = found }
    }

    /// Goes behind an array or object that is nested too deep, without going down into it.
    private mutating func skipNested() throws(JSONParseError) -> JSONValue {
        try tolerate(.tooDeep(limit: limits.depth, offset: position))
        var depth = 0
        while position < bytes.count {
            switch bytes[position] {
            case UInt8(ascii: "\""):
                _ = try readString()
                continue
            case UInt8(ascii: "["), UInt8(ascii: "{"): depth += 1
            case UInt8(ascii: "]"), UInt8(ascii: "}"): depth -= 1
            default: break
            }
            position += 1
            if depth == 0 { return .null }
        }
        throw .unexpectedEnd(offset: position)
    }

    private mutating func readObject(depth: Int, matched: Int?) throws(JSONParseError) -> JSONValue {
        guard depth <= limits.depth else { return try skipNested() }
        position += 1
        var object = JSONObject()
        skipWhitespace()
        if position < bytes.count, bytes[position] == UInt8(ascii: "}") {
            position += 1
            return .object(object)
        }
        while true {
            guard position < bytes.count else { throw .unexpectedEnd(offset: position) }
            guard bytes[position] == UInt8(ascii: "\"") else {
                throw .unexpectedByte(bytes[position], offset: position)
            }
            let keyOffset = position
            let key = try readString()
            skipWhitespace()
            guard position < bytes.count else { throw .unexpectedEnd(offset: position) }
            guard bytes[position] == UInt8(ascii: ":") else {
                throw .unexpectedByte(bytes[position], offset: position)
            }
            position += 1
            skipWhitespace()
            let value = try readValue(depth: depth, matched: next(matched, key: key))
            if key.utf8.count > limits.nameLength {
                try tolerate(.nameTooLong(limit: limits.nameLength, offset: keyOffset))
            } else if !object.appendIfAbsent(key: key, value: value) {
                try tolerate(.duplicateKey(key, offset: keyOffset))
            }
            guard try readSeparator(closing: UInt8(ascii: "}")) else { return .object(object) }
        }
    }

    private mutating func readArray(depth: Int) throws(JSONParseError) -> JSONValue {
        guard depth <= limits.depth else { return try skipNested() }
        position += 1
        var elements: [JSONValue] = []
        skipWhitespace()
        if position < bytes.count, bytes[position] == UInt8(ascii: "]") {
            position += 1
            return .array(elements)
        }
        while true {
            elements.append(try readValue(depth: depth, matched: nil))
            guard try readSeparator(closing: UInt8(ascii: "]")) else { return .array(elements) }
        }
    }

    /// After an element: `true` past a comma, `false` past the closing bracket.
    private mutating func readSeparator(closing: UInt8) throws(JSONParseError) -> Bool {
        skipWhitespace()
        guard position < bytes.count else { throw .unexpectedEnd(offset: position) }
        let byte = bytes[position]
        if byte == UInt8(ascii: ",") {
            position += 1
            skipWhitespace()
            return true
        }
        guard byte == closing else { throw .unexpectedByte(byte, offset: position) }
        position += 1
        return false
    }

    private func next(_ matched: Int?, key: String) -> Int? {
        guard let matched, let path, matched < path.count, ExactText.areEqual(path[matched], key) else { return nil }
        return matched + 1
    }

    private mutating func readNumber() throws(JSONParseError) -> JSONNumber {
        let start = position
        switch JSONNumberGrammar.scan(bytes, from: start) {
        case .integer(let value, let end):
            position = end
            return .integer(value)
        case .literal(let end):
            position = end
            guard end - start <= limits.numberLength else {
                try tolerate(.numberTooLong(limit: limits.numberLength, offset: start))
                return .integer(0)
            }
            let text = bytes.text(start..<end)
            return .literal(JSONNumberLiteral(unchecked: text))
        case .malformed(let offset):
            throw offset < bytes.count ? .malformedNumber(offset: offset) : .unexpectedEnd(offset: offset)
        case .exponentTooLarge(let offset):
            try tolerate(.exponentTooLarge(offset: offset))
            position = offset
            while position < bytes.count, (0x30...0x39).contains(bytes[position]) { position += 1 }
            return .integer(0)
        }
    }

    private mutating func expect(_ word: String) throws(JSONParseError) {
        for byte in word.utf8 {
            guard position < bytes.count else { throw .unexpectedEnd(offset: position) }
            guard bytes[position] == byte else { throw .unexpectedByte(bytes[position], offset: position) }
            position += 1
        }
    }

    @inline(__always)
    private mutating func skipWhitespace() {
        while position < bytes.count {
            switch bytes[position] {
            case 0x20, 0x0A, 0x0D, 0x09: position += 1
            default: return
            }
        }
    }
}
