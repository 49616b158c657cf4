import Primitives

/// A regular expression, taken apart.
indirect enum PatternSyntax: Sendable {
    case empty
    case scalars(ScalarSet)
    case sequence([PatternSyntax])
    case choice([PatternSyntax])
    case repetition(PatternSyntax, minimum: Int, maximum: Int?)
    case start
    case end
}

/// Why a regular expression is refused.
package struct PatternError: Error, Sendable, Hashable, CustomStringConvertible {
    /// In Unicode scalars from the start of the pattern.
    package let offset: Int
    package let reason: String

    package var description: String { "\(reason) at character \(offset)" }
}

/// Reads the subset of ECMA-262 (with the "u" flag) that needs no backtracking: no look-around, no back-references, no
/// word boundaries, no `\p`. Groups only group; lazy quantifiers find the same texts as greedy ones.
struct PatternParser {
    private let scalars: [Unicode.Scalar]
    private var position = 0
    private var depth = 0

    private static let maximumDepth = 50
    private static let maximumRepetition = 10_000

    static func parse(_ text: String) throws(PatternError) -> PatternSyntax {
        var parser = PatternParser(scalars: Array(text.unicodeScalars))
        let syntax = try parser.parseChoice()
        if parser.peek != nil { throw parser.error("unmatched \")\"") }
        return syntax
    }

    private init(scalars: [Unicode.Scalar]) {
        self.scalars = scalars
    }

    private var peek: Unicode.Scalar? { position < scalars.count ? scalars[position] : nil }

    private mutating func take(_ scalar: Unicode.Scalar) -> Bool {
        guard peek == scalar else { return false }
        position += 1
        return true
    }

    private mutating func next(_ missing: String) throws(PatternError) -> Unicode.Scalar {
        guard let scalar = peek else { throw error(missing) }
        position += 1
        return scalar
    }

    private func error(_ reason: String) -> PatternError { PatternError(offset: position, reason: reason) }

    private mutating func parseChoice() throws(PatternError) -> PatternSyntax {
        var branches = [try parseSequence()]
        while take("|") { branches.append(try parseSequence()) }
        return branches.count == 1 ? branches[0] : .choice(branches)
    }

    private mutating func parseSequence() throws(PatternError) -> PatternSyntax {
        var parts: [PatternSyntax] = []
        while let scalar = peek, scalar != "|", scalar != ")" {
            parts.append(try parseTerm())
        }
        switch parts.count {
        case 0: return .empty
        case 1: return parts[0]
        default: return .sequence(parts)
        }
    }

    private mutating func parseTerm() throws(PatternError) -> PatternSyntax {
        let atom: PatternSyntax
        switch try next("unexpected end") {
        case "^": return .start
        case "$": return .end
        case "(": atom = try parseGroup()
        case "[": atom = .scalars(try parseClass())
        case ".": atom = .scalars(.dot)
        case "\\": atom = .scalars(try parseEscape(inClass: false))
        case let scalar where "*+?{}]".unicodeScalars.contains(scalar):
            position -= 1
            throw error("unexpected \"\(scalar)\"")
        case let scalar: atom = .scalars(ScalarSet(scalar))
        }
        return try parseQuantifier(of: atom)
    }

    private mutating func parseGroup() throws(PatternError) -> PatternSyntax {
        if take("?") {
            guard take(":") else { throw error("unsupported group; only (…) and (?:…) are known") }
        }
        depth += 1
        guard depth <= Self.maximumDepth else { throw error("groups nested too deeply") }
        let body = try parseChoice()
        guard take(")") else { throw error("missing \")\"") }
        depth -= 1
        return body
    }

    private mutating func parseQuantifier(of atom: PatternSyntax) throws(PatternError) -> PatternSyntax {
        let minimum: Int
        let maximum: Int?
        switch peek {
        case "*": (minimum, maximum) = (0, nil)
        case "+": (minimum, maximum) = (1, nil)
        case "?": (minimum, maximum) = (0, 1)
        case "{":
            position += 1
            minimum = try parseCount()
            if take(",") {
                maximum = peek == "}" ? nil : try parseCount()
            } else {
                maximum = minimum
            }
            guard peek == "}" else { throw error("malformed quantifier") }
        default: return atom
        }
        if let maximum, maximum < minimum { throw error("quantifier out of order") }
        position += 1
        _ = take("?")
        return .repetition(atom, minimum: minimum, maximum: maximum)
    }

    private mutating func parseCount() throws(PatternError) -> Int {
        var count = 0
        let start = position
        while let scalar = peek, ("0"..."9").contains(scalar) {
            count = count * 10 + Int(scalar.value - 0x30)
            guard count <= Self.maximumRepetition else { throw error("repetition above \(Self.maximumRepetition)") }
            position += 1
        }
        guard position > start else { throw error("malformed quantifier") }
        return count
    }

    private mutating func parseClass() throws(PatternError) -> ScalarSet {
        let isInverted = take("^")
        var ranges: [ClosedRange<UInt32>] = []
        while !take("]") {
            let lower = try parseClassAtom()
            guard peek == "-", position + 1 < scalars.count, scalars[position + 1] != "]" else {
                ranges += lower.ranges
                continue
            }
            position += 1
            let upper = try parseClassAtom()
            guard let low = lower.single, let high = upper.single, low <= high else {
                throw error("malformed range in a class")
            }
            ranges.append(low...high)
        }
        let set = ScalarSet(ranges)
        return isInverted ? set.inverted : set
    }

    private mutating func parseClassAtom() throws(PatternError) -> ScalarSet {
        let scalar = try next("missing \"]\"")
        return scalar == "\\" ? try parseEscape(inClass: true) : ScalarSet(scalar)
    }

    private mutating func parseEscape(inClass: Bool) throws(PatternError) -> ScalarSet {
        let scalar = try next("unfinished escape")
        switch scalar {
        case "d": return .digits
        case "D": return ScalarSet.digits.inverted
        case "w": return .wordCharacters
        case "W": return ScalarSet.wordCharacters.inverted
        case "s": return .whitespace
        case "S": return ScalarSet.whitespace.inverted
        case "t": return ScalarSet("\t")
        case "n": return ScalarSet("\n")
        case "r": return ScalarSet("\r")
        case "v": return ScalarSet("\u{B}")
        case "f": return ScalarSet("\u{C}")
        case "b" where inClass: return ScalarSet("\u{8}")
        case "-" where inClass: return ScalarSet("-")
        case "0":
            if let following = peek, ("0"..."9").contains(following) { throw error("unsupported escape") }
            return ScalarSet("\0")
        case "c":
            let letter = try next("unfinished escape")
            guard ("a"..."z").contains(letter) || ("A"..."Z").contains(letter) else { throw error("malformed escape") }
            return ScalarSet([(letter.value & 0x1F)...(letter.value & 0x1F)])
        case "x": return try scalarSet(parseHex(digits: 2))
        case "u": return try parseUnicodeEscape()
        case let scalar where "^$\\.*+?()[]{}|/".unicodeScalars.contains(scalar): return ScalarSet(scalar)
        default: throw error("unsupported escape \"\\\(scalar)\"")
        }
    }

    private mutating func parseUnicodeEscape() throws(PatternError) -> ScalarSet {
        if take("{") {
            var value: UInt32 = 0
            repeat {
                value = value << 4 | (try parseHex(digits: 1))
                guard value <= ScalarSet.maximum else { throw error("malformed escape") }
            } while !take("}")
            return try scalarSet(value)
        }
        let unit = try parseHex(digits: 4)
        guard 0xD800...0xDBFF ~= unit, take("\\"), take("u") else { return try scalarSet(unit) }
        let low = try parseHex(digits: 4)
        guard 0xDC00...0xDFFF ~= low else { throw error("malformed escape") }
        return try scalarSet(0x10000 + (unit & 0x3FF) << 10 + low & 0x3FF)
    }

    private mutating func parseHex(digits: Int) throws(PatternError) -> UInt32 {
        var value: UInt32 = 0
        for _ in 0..<digits {
            let scalar = try next("unfinished escape")
            guard let digit = UInt8(exactly: scalar.value).flatMap(HexDigit.value) else {
                throw error("malformed escape")
            }
            value = value << 4 | UInt32(digit)
        }
        return value
    }

    private func scalarSet(_ value: UInt32) throws(PatternError) -> ScalarSet {
        guard let scalar = Unicode.Scalar(value) else { throw error("escape of a surrogate") }
        return ScalarSet(scalar)
    }
}

extension ScalarSet {
    fileprivate var single: UInt32? {
        guard ranges.count == 1, ranges[0].count == 1 else { return nil }
        return ranges[0].lowerBound
    }
}
