import TimeZones

/// The certificate of one monitor's target, as its last result told it (`engines.md` 3). Pure.
struct CertificateWatch: Sendable {
    struct Certificate: Sendable, Equatable {
        var issuer: String
        /// Unix seconds.
        var expires: Int64
    }

    enum Finding: Sendable, Equatable {
        /// Less than a week is left.
        case expiring(Certificate)
        case changed(old: Certificate, new: Certificate)
    }

    static let warning: Int64 = 7 * 86_400

    private var last: Certificate?

    /// - Parameter data: `<issuer>|<notAfter>`; anything else says nothing about a certificate.
    /// - Returns: what there is to tell; the first certificate after a start is the baseline.
    mutating func look(_ data: String, at now: Int64) -> [Finding] {
        guard let certificate = Self.certificate(data) else { return [] }
        defer { last = certificate }
        var findings: [Finding] = []
        if certificate.expires - now < Self.warning { findings.append(.expiring(certificate)) }
        if let last, last.issuer != certificate.issuer, last.expires != certificate.expires {
            findings.append(.changed(old: last, new: certificate))
        }
        return findings
    }

    private static func certificate(_ data: String) -> Certificate? {
        let bytes = Array(data.utf8)
        guard let bar = bytes.lastIndex(of: UInt8(ascii: "|")), let expires = instant(bytes[(bar + 1)...]) else {
            return nil
        }
        return Certificate(issuer: String(decoding: bytes[..<bar], as: UTF8.self), expires: expires)
    }

    /// Of `2026-10-01 12:00:00 +0000 UTC`.
    private static func instant(_ text: ArraySlice<UInt8>) -> Int64? {
        let text = Array(text)
        guard text.count >= 25, text.count <= 64 else { return nil }
        func number(_ range: Range<Int>) -> Int? { Int(String(decoding: text[range], as: UTF8.self)) }
        guard let year = number(0..<4), let month = number(5..<7), let day = number(8..<10),
            let hour = number(11..<13), let minute = number(14..<16), let second = number(17..<19),
            let hours = number(21..<23), let minutes = number(23..<25), (1...12).contains(month)
        else { return nil }
        let local = CivilTime(year: year, month: month, day: day, hour: hour, minute: minute, second: second).local
        let offset = Int64(hours * 3600 + minutes * 60)
        return text[20] == UInt8(ascii: "-") ? local + offset : local - offset
    }

    /// Such as `2026-10-01 12:00:00`.
    static func text(_ instant: Int64, in zone: Zone) -> String {
        let time = zone.civil(at: instant)
        return "\(time.year)-\(time.month.padded())-\(time.day.padded()) "
            + "\(time.hour.padded()):\(time.minute.padded()):\(time.second.padded())"
    }

    /// Whether a failure is about the certificate and not about the way to it. Agents of old say so in Chinese, those of
    /// today in Go's words.
    static func isCertificateError(_ data: String) -> Bool {
        let bytes = Array(data.utf8)
        if bytes.starts(with: "SSL证书错误：".utf8) {
            return !["timeout", "EOF", "timed out"].contains { bytes.suffix($0.utf8.count).elementsEqual($0.utf8) }
        }
        let sign = Array("x509: ".utf8)
        guard bytes.count >= sign.count else { return false }
        return (0...(bytes.count - sign.count)).contains { bytes[$0..<($0 + sign.count)].elementsEqual(sign) }
    }
}
