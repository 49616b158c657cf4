import HTTP

/// The cookies of a request.
struct Cookies: Sendable {
    private var found: [String: Set<String>] = [:]

    init(_ fields: HTTPFields) {
        for line in fields[values: .cookie] {
            for part in line.split(separator: ";") {
                let halves = part.split(separator: "=", maxSplits: 1, omittingEmptySubsequences: false)
                guard halves.count == 2 else { continue }
                found[Self.trim(halves[0]), default: []].insert(Self.trim(halves[1]))
            }
        }
    }

    /// `nil` when there is none, or two that differ: one of them may have been planted from a sibling domain, and
    /// nobody can tell which.
    subscript(name: String) -> String? {
        guard let values = found[name], values.count == 1 else { return nil }
        return values.first
    }

    private static func trim(_ text: Substring) -> String {
        var text = text
        while let first = text.first, first == " " || first == "\t" { text.removeFirst() }
        while let last = text.last, last == " " || last == "\t" { text.removeLast() }
        return String(text)
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
    /// Seconds; `nil` = until the browser closes.
    var maxAge: Int?

    var field: HTTPField {
        var text = "\(name)=\(value); Path=/"
        if let maxAge { text += "; Max-Age=\(maxAge)" }
        if isHiddenFromScripts { text += "; HttpOnly" }
        if isSecure { text += "; Secure" }
        return HTTPField(name: .setCookie, value: text + "; SameSite=\(sameSite.rawValue)")
    }
}
