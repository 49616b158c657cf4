import HTTP
import Primitives

/// The cookies of a request, compared byte by byte.
struct Cookies: Sendable {
    private let lines: [String]

    init(_ fields: HTTPFields) { lines = fields[values: .cookie] }

    /// `nil` when there is none, or two that differ: one of them may have been planted from a sibling domain, and
    /// nobody can tell which.
    subscript(name: String) -> String? {
        var found: Substring.UTF8View?
        for line in lines {
            for part in line.utf8.split(separator: UInt8(ascii: ";")) {
                guard let mark = part.firstIndex(of: UInt8(ascii: "=")),
                    part[..<mark].trimmingBlanks().elementsEqual(name.utf8)
                else { continue }
                let value = part[part.index(after: mark)...].trimmingBlanks()
                if let found, !found.elementsEqual(value) { return nil }
                found = value
            }
        }
        return found.map { String(Substring($0)) }
    }

    /// Whether there is one, be it one or several that differ.
    func contains(_ name: String) -> Bool {
        lines.contains { line in
            line.utf8.split(separator: UInt8(ascii: ";")).contains { part in
                part.firstIndex(of: UInt8(ascii: "=")).map { part[..<$0].trimmingBlanks().elementsEqual(name.utf8) }
                    ?? false
            }
        }
    }
}

/// A cookie to be set, for every path of this host.
struct SetCookie: Sendable {
    enum SameSite: String, Sendable {
        case lax = "Lax"
        case strict = "Strict"
    }

    var name: String
    var value: String
    var sameSite: SameSite
    var isHiddenFromScripts: Bool
    /// Only ever sent over TLS.
    var isSecure: Bool
    /// Seconds.
    var maxAge: Int

    var field: HTTPField {
        var text = "\(name)=\(value); Path=/; Max-Age=\(maxAge)"
        if isHiddenFromScripts { text += "; HttpOnly" }
        if isSecure { text += "; Secure" }
        return HTTPField(name: .setCookie, value: text + "; SameSite=\(sameSite.rawValue)")
    }
}
