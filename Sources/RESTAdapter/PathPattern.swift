import JSON
import MCPServer

/// The path of a route below `/api/v1`, such as `/api-tokens/{id}`.
///
/// `{name}` stands for an unsigned whole number, `{name:text}` for any one segment; everything else stands for itself,
/// byte by byte, so an encoded slash or dot never reaches a route that spells it plainly.
package struct PathPattern: Sendable, Hashable, CustomStringConvertible {
    package enum Segment: Sendable, Hashable {
        case literal(String)
        case number(String)
        case text(String)
    }

    package let description: String
    package let segments: [Segment]

    package init(_ text: String) {
        description = text
        segments = Self.split(text[...]).map { part in
            guard part.hasPrefix("{"), part.hasSuffix("}") else { return .literal(String(part)) }
            let name = part.dropFirst().dropLast()
            return name.hasSuffix(":text") ? .text(String(name.dropLast(5))) : .number(String(name))
        }
    }

    /// The names of the parameters, in order.
    package var parameters: [String] {
        segments.compactMap {
            switch $0 {
            case .literal: nil
            case .number(let name), .text(let name): name
            }
        }
    }

    /// Equal for patterns that match the same paths.
    var shape: [String] {
        segments.map {
            guard case .literal(let text) = $0 else { return "{}" }
            return text
        }
    }

    /// What stands in place of the parameters, still encoded; `nil` when the path is another one.
    func match(_ parts: [Substring]) -> [Capture]? {
        guard parts.count == segments.count else { return nil }
        var captures: [Capture] = []
        for (part, segment) in zip(parts, segments) {
            switch segment {
            case .literal(let text):
                guard part.utf8.count == text.utf8.count, part.utf8.elementsEqual(text.utf8) else { return nil }
            case .number(let name):
                captures.append(Capture(name: name, text: part, isNumber: true))
            case .text(let name):
                captures.append(Capture(name: name, text: part, isNumber: false))
            }
        }
        return captures
    }

    /// The segments of a path; a trailing slash is an empty one.
    static func split(_ path: Substring) -> [Substring] {
        path.utf8.split(separator: UInt8(ascii: "/"), omittingEmptySubsequences: false).dropFirst().map {
            Substring($0)
        }
    }

    /// A parameter as it stood in the path.
    struct Capture: Sendable, Hashable {
        var name: String
        var text: Substring
        var isNumber: Bool

        /// - Throws: ``RESTFailure/malformed(_:)``, naming the parameter but not repeating what was sent.
        func value() throws(RESTFailure) -> JSONValue {
            if isNumber {
                guard !text.isEmpty, text.utf8.allSatisfy({ (0x30...0x39).contains($0) }), let number = UInt64(text)
                else { throw .malformed("invalid \(name): must be an unsigned whole number") }
                return .number(JSONNumber(number))
            }
            guard let decoded = PercentDecoding.decode(text), !decoded.isEmpty else {
                throw .malformed("invalid \(name): malformed text")
            }
            return .string(decoded)
        }
    }
}
