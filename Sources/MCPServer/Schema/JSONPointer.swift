import JSON
import Primitives

/// RFC 6901, as far as schemas need it.
enum JSONPointer {
    static func appending(_ name: String, to pointer: String) -> String {
        pointer + "/" + escaped(name)
    }

    static func escaped(_ name: String) -> String {
        guard name.utf8.contains(where: { $0 == UInt8(ascii: "~") || $0 == UInt8(ascii: "/") }) else { return name }
        var result = ""
        for scalar in name.unicodeScalars {
            switch scalar {
            case "~": result += "~0"
            case "/": result += "~1"
            default: result.unicodeScalars.append(scalar)
            }
        }
        return result
    }

    /// The names that a URI fragment such as `/$defs/a~1b%20c` leads through; `nil` where it is malformed.
    static func names(inFragment fragment: some StringProtocol) -> [String]? {
        guard !fragment.isEmpty else { return [] }
        guard fragment.utf8.first == UInt8(ascii: "/"), let bytes = PercentCode.decode(fragment.utf8),
            let decoded = String(validating: bytes, as: UTF8.self)
        else { return nil }
        var names: [String] = []
        for part in decoded.dropFirst().split(separator: "/", omittingEmptySubsequences: false) {
            guard let name = unescaped(part) else { return nil }
            names.append(name)
        }
        return names
    }

    static func value(at names: [String], in document: JSONValue) -> JSONValue? {
        var value = document
        for name in names {
            switch value {
            case .object(let object):
                guard let member = object[name] else { return nil }
                value = member
            case .array(let elements):
                guard let position = Int(name), String(position) == name, elements.indices.contains(position) else {
                    return nil
                }
                value = elements[position]
            default: return nil
            }
        }
        return value
    }

    private static func unescaped(_ part: Substring) -> String? {
        var result = ""
        var scalars = part.unicodeScalars.makeIterator()
        while let scalar = scalars.next() {
            guard scalar == "~" else {
                result.unicodeScalars.append(scalar)
                continue
            }
            switch scalars.next() {
            case "0": result += "~"
            case "1": result += "/"
            default: return nil
            }
        }
        return result
    }
}
