import AgentLink
import Glibc
import HTTP

/// Task 1: how long an HTTP request takes, and with TLS what certificate was shown (`agent-link-details.md` 2).
enum HTTPProbe {
    static let limit = Duration.seconds(30)

    /// - Returns: `nil` when the task was cancelled. Delay is in milliseconds, the body included.
    static func run(_ url: String) async -> AgentTaskReply? {
        let start = ContinuousClock.now
        do {
            let answer = try await withDeadline(limit) { try await HTTPGet.run(url, bodyLimit: 0) }
            let delay = (ContinuousClock.now - start).milliseconds
            if Task.isCancelled { return nil }
            let status = answer.response.status
            guard (200..<400).contains(status.code) else {
                return AgentTaskReply(
                    data: "\n应用错误: \(status.code) \(status.reasonPhrase)", successful: false, delay: delay)
            }
            return AgentTaskReply(data: certificateText(answer), successful: true, delay: delay)
        } catch {
            return Task.isCancelled ? nil : AgentTaskReply(data: ProbeText.of(error), successful: false)
        }
    }

    /// `<issuer CN>|<notAfter>`, as dashboards read it; empty without TLS.
    private static func certificateText(_ answer: HTTP1Client.Answer) -> String {
        guard let certificate = answer.certificate, let end = answer.certificateEnds else { return "" }
        return "\(CertificateIssuer.commonName(der: certificate) ?? "")|\(timeText(end))"
    }

    /// Such as `2026-10-01 12:00:00 +0000 UTC`.
    static func timeText(_ seconds: Int) -> String {
        var (time, parts) = unsafe (time_t(seconds), tm())
        unsafe gmtime_r(&time, &parts)
        func digits(_ number: Int32, _ count: Int) -> String {
            let text = String(number)
            return String(repeating: "0", count: max(0, count - text.utf8.count)) + text
        }
        let day = unsafe [digits(parts.tm_year + 1900, 4), digits(parts.tm_mon + 1, 2), digits(parts.tm_mday, 2)]
        let clock = unsafe [digits(parts.tm_hour, 2), digits(parts.tm_min, 2), digits(parts.tm_sec, 2)]
        return "\(day.joined(separator: "-")) \(clock.joined(separator: ":")) +0000 UTC"
    }
}

/// Reads the one field of an X.509 certificate that a probe shows.
enum CertificateIssuer {
    /// The common name of the issuer; `nil` when it has none or `der` is no certificate.
    static func commonName(der: [UInt8]) -> String? {
        var outer = der[...]
        // Certificate → TBSCertificate → [version], serial, algorithm, issuer.
        guard var certificate = element(&outer, tag: 0x30), var body = element(&certificate, tag: 0x30) else {
            return nil
        }
        if body.first == 0xA0 { _ = element(&body, tag: 0xA0) }
        guard element(&body, tag: 0x02) != nil, element(&body, tag: 0x30) != nil,
            var issuer = element(&body, tag: 0x30)
        else { return nil }
        while var set = element(&issuer, tag: 0x31) {
            guard var pair = element(&set, tag: 0x30), let type = element(&pair, tag: 0x06) else { return nil }
            // 2.5.4.3, commonName.
            if type.elementsEqual([0x55, 0x04, 0x03]), let tag = pair.first {
                return element(&pair, tag: tag).map { String(decoding: $0, as: UTF8.self) }
            }
        }
        return nil
    }

    /// Takes one element off the front; `nil` when it has another tag or is cut short.
    private static func element(_ input: inout ArraySlice<UInt8>, tag: UInt8) -> ArraySlice<UInt8>? {
        var rest = input
        guard rest.popFirst() == tag, let first = rest.popFirst() else { return nil }
        var length = Int(first)
        if first >= 0x80 {
            let count = Int(first & 0x7F)
            guard (1...3).contains(count), rest.count >= count else { return nil }
            length = rest.prefix(count).reduce(0) { $0 << 8 | Int($1) }
            rest = rest.dropFirst(count)
        }
        guard rest.count >= length else { return nil }
        input = rest.dropFirst(length)
        return rest.prefix(length)
    }
}
