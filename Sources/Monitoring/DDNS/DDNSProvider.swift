package import Outbound
import Primitives

/// One address of one name that is to be published.
package struct DDNSRecord: Sendable, Hashable {
    package enum Kind: String, Sendable {
        case a = "A"
        case aaaa = "AAAA"
    }

    /// Whole, in ASCII, without a dot at the end.
    package var domain: String
    package var kind: Kind
    package var address: String

    package init(domain: String, kind: Kind, address: String) {
        self.domain = domain
        self.kind = kind
        self.address = address
    }

    /// Seconds.
    static let lifetime: Int64 = 60

    /// The domain and what is left of it, label by label, longest first, down to two labels: the zones that it may lie in.
    var zones: [String] {
        var labels = domain.utf8.split(separator: UInt8(ascii: ".")).map { String(decoding: $0, as: UTF8.self) }
        var found: [String] = []
        while labels.count >= 2 {
            found.append(labels.joined(separator: "."))
            labels.removeFirst()
        }
        return found
    }

    /// The part before the zone; `@` at its apex.
    func name(in zone: String) -> String {
        let rest = domain.utf8.count - zone.utf8.count
        return rest <= 0 ? "@" : String(decoding: domain.utf8.prefix(rest - 1), as: UTF8.self)
    }
}

/// A service that keeps records (`engines.md` 7). Its texts of errors hold neither keys nor answers.
package protocol DDNSProvider: Sendable {
    func set(_ record: DDNSRecord, by client: OutboundClient) async throws(DDNSError)
}

package enum DDNSError: Error, Sendable, Hashable, CustomStringConvertible {
    case unknownProvider(String)
    case noZone
    case refused(status: Int)
    /// The service answered, but not with success.
    case failed(String)
    case malformed

    package var description: String {
        switch self {
        case .unknownProvider(let name): "there is no provider \(name.cut(toBytes: 64))"
        case .noZone: "the account has no zone for the domain"
        case .refused(let status): "the service answered \(status)"
        case .failed(let reason): reason
        case .malformed: "the profile or the answer is malformed"
        }
    }
}

/// Publishes nothing; for trying out.
struct DummyDDNS: DDNSProvider {
    func set(_ record: DDNSRecord, by client: OutboundClient) async throws(DDNSError) {}
}

extension OutboundClient {
    /// The answer's body, whatever its status is not a success.
    func answer(_ request: Request) async throws(DDNSError) -> [UInt8] {
        let answer: Answer
        do { answer = try await send(request) } catch { throw .failed(error.description) }
        guard answer.isSuccess else { throw .refused(status: answer.status) }
        return answer.body
    }
}
