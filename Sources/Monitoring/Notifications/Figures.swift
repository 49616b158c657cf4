/// Numbers as messages show them.
enum Figures {
    /// With six decimals.
    static func decimals(_ number: Double) -> String { fixed(number, 6) }

    /// `12.34 %`.
    static func percent(_ number: Double) -> String { fixed(number, 2) + " %" }

    /// `7 B`, `1.5 kB`, `15 kB`, `150 MB`: in steps of 1024, with a decimal below 10.
    static func size(_ bytes: UInt64) -> String {
        let units = ["B", "kB", "MB", "GB", "TB", "PB", "EB"]
        var value = Double(bytes)
        var unit = 0
        while value >= 1024, unit < units.count - 1 {
            value /= 1024
            unit += 1
        }
        let text = unit == 0 || value >= 9.95 ? fixed(value, 0) : fixed(value, 1)
        return "\(text) \(units[unit])"
    }

    static func fixed(_ number: Double, _ digits: Int) -> String {
        guard number.isFinite else { return number.isNaN ? "NaN" : number > 0 ? "+Inf" : "-Inf" }
        var scale = 1.0
        for _ in 0..<digits { scale *= 10 }
        guard abs(number) < 9e15 / scale else { return "\(number)" }
        let scaled = Int64((number * scale).rounded(.toNearestOrEven))
        let whole = scaled.magnitude / UInt64(scale)
        let sign = scaled < 0 ? "-" : ""
        guard digits > 0 else { return "\(sign)\(whole)" }
        let rest = String(scaled.magnitude % UInt64(scale))
        return "\(sign)\(whole).\(String(repeating: "0", count: digits - rest.utf8.count))\(rest)"
    }
}

/// The words of HTTP statuses.
enum StatusPhrases {
    static func phrase(of code: Int) -> String? { table[code] }

    private static let table: [Int: String] = [
        200: "OK", 201: "Created", 202: "Accepted", 204: "No Content", 300: "Multiple Choices",
        301: "Moved Permanently", 302: "Found", 303: "See Other", 304: "Not Modified", 307: "Temporary Redirect",
        308: "Permanent Redirect", 400: "Bad Request", 401: "Unauthorized", 402: "Payment Required",
        403: "Forbidden", 404: "Not Found", 405: "Method Not Allowed", 406: "Not Acceptable", 408: "Request Timeout",
        409: "Conflict", 410: "Gone", 411: "Length Required", 413: "Request Entity Too Large",
        415: "Unsupported Media Type", 418: "I'm a teapot", 421: "Misdirected Request", 422: "Unprocessable Entity",
        425: "Too Early", 426: "Upgrade Required", 429: "Too Many Requests", 500: "Internal Server Error",
        501: "Not Implemented", 502: "Bad Gateway", 503: "Service Unavailable", 504: "Gateway Timeout",
    ]
}
