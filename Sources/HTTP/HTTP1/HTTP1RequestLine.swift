/// Method, target and version (RFC 9112 3).
struct HTTP1RequestLine: Sendable {
    var method = HTTPRequest.Method.get
    /// With the query; `*` for the server as a whole.
    var path = ""
    /// Of a target in absolute form, which counts and not the `Host` field (RFC 9112 3.2.2).
    var authority: String?
    var isOld = false

    init() {}

    init(_ line: Span<UInt8>) throws(HTTP1Fault) {
        var parts: [Range<Int>] = []
        var start = 0
        for position in line.indices where line[position] == 0x20 {
            parts.append(start..<position)
            start = position + 1
        }
        guard parts.count == 2, !parts[1].isEmpty else { throw .malformed }
        method = try Self.method(line.extracting(parts[0]))
        isOld = try Self.isOld(line.extracting(start...))
        try readTarget(line.extracting(parts[1]))
    }

    private static func method(_ bytes: Span<UInt8>) throws(HTTP1Fault) -> HTTPRequest.Method {
        if bytes.equals("GET") { return .get }
        if bytes.equals("POST") { return .post }
        guard let method = HTTPRequest.Method(String(bytes)) else { throw .malformed }
        return method
    }

    /// HTTP/1.0, as opposed to 1.1 and the later ones of its kind, which may be answered as 1.1 (RFC 9110 2.5).
    private static func isOld(_ bytes: Span<UInt8>) throws(HTTP1Fault) -> Bool {
        guard bytes.count == 8, bytes.extracting(..<5).equals("HTTP/"), bytes[6] == UInt8(ascii: "."),
            bytes[5] &- 0x30 < 10, bytes[7] &- 0x30 < 10
        else { throw .malformed }
        guard bytes[5] == UInt8(ascii: "1") else { throw .versionNotSupported }
        return bytes[7] == UInt8(ascii: "0")
    }

    private mutating func readTarget(_ target: Span<UInt8>) throws(HTTP1Fault) {
        for position in target.indices {
            let byte = target[position]
            guard byte > 0x20, byte < 0x7F else { throw .malformed }
        }
        if method == .connect { throw .notImplemented }
        if target[0] == UInt8(ascii: "/") {
            path = String(target)
        } else if target.equals("*") {
            guard method == .options else { throw .malformed }
            path = "*"
        } else {
            try readAbsolute(target)
        }
    }

    private mutating func readAbsolute(_ target: Span<UInt8>) throws(HTTP1Fault) {
        let start: Int
        if target.hasPrefix(anyCase: "http://") {
            start = 7
        } else if target.hasPrefix(anyCase: "https://") {
            start = 8
        } else {
            throw .malformed
        }
        var end = start
        while end < target.count, target[end] != UInt8(ascii: "/"), target[end] != UInt8(ascii: "?"),
            target[end] != UInt8(ascii: "#")
        { end += 1 }
        let host = String(target.extracting(start..<end))
        guard Authority.isValid(host.utf8) else { throw .malformed }
        authority = host
        let rest = String(target.extracting(end...))
        path = if rest.isEmpty { method == .options ? "*" : "/" } else { rest.utf8.first == 0x2F ? rest : "/" + rest }
    }
}
