import JSON
import MCPServer
import Primitives

/// The parameters of a query or of a form body, decoded once and strictly: a broken escape, bytes that are no UTF-8
/// and NUL refuse the whole text, so nothing is read in two ways.
struct QueryString: Sendable, Equatable {
    struct Item: Sendable, Equatable {
        var name: String
        var value: String
    }

    private(set) var items: [Item] = []

    /// - Throws: ``RESTFailure/malformed(_:)``; the text repeats nothing of the query, which may hold a token.
    init(_ text: some StringProtocol) throws(RESTFailure) {
        for part in Array(text.utf8).split(separator: UInt8(ascii: "&")) {
            let halves = part.split(separator: UInt8(ascii: "="), maxSplits: 1, omittingEmptySubsequences: false)
            guard let name = PercentDecoding.decode(halves[0], plusIsBlank: true),
                let value = PercentDecoding.decode(halves.count > 1 ? halves[1] : [], plusIsBlank: true)
            else { throw .malformed("invalid query: malformed percent-encoding") }
            items.append(Item(name: name, value: value))
        }
    }

    /// All values of a parameter, in order.
    func values(_ name: String) -> [String] {
        items.filter { ExactText.areEqual($0.name, name) }.map(\.value)
    }

    /// The first value of a parameter.
    subscript(name: String) -> String? { items.first { ExactText.areEqual($0.name, name) }?.value }

    /// The value of a parameter that must not come twice; `nil` also when it does.
    func single(_ name: String) -> String? {
        let found = values(name)
        return found.count == 1 ? found[0] : nil
    }
}

enum PercentDecoding {
    /// - Returns: `nil` for a broken escape, NUL, or bytes that are no UTF-8.
    static func decode(_ text: some StringProtocol, plusIsBlank: Bool = false) -> String? {
        decode(Array(text.utf8)[...], plusIsBlank: plusIsBlank)
    }

    /// As ``decode(_:plusIsBlank:)-(StringProtocol,_)``, of bytes.
    static func decode(_ text: ArraySlice<UInt8>, plusIsBlank: Bool = false) -> String? {
        guard let bytes = PercentCode.decode(text, plusIsBlank: plusIsBlank), !bytes.contains(0) else { return nil }
        return String(validating: bytes, as: UTF8.self)
    }
}
