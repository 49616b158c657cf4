/// A way in which a file may lie beside itself compressed: `app.js.br` beside `app.js`.
enum ContentCoding: String, Sendable, CaseIterable {
    case brotli = "br"
    case gzip

    var suffix: String {
        switch self {
        case .brotli: ".br"
        case .gzip: ".gz"
        }
    }

    /// Those that a client takes, the better one first (RFC 9110, 12.5.3).
    static func accepted(_ field: String?) -> [ContentCoding] {
        guard let field, field.utf8.count <= 1024 else { return [] }
        var accepted: [ContentCoding] = []
        for part in field.utf8.split(separator: UInt8(ascii: ",")) {
            let words = part.split(separator: UInt8(ascii: ";")).map { word in word.filter { $0 != 0x20 && $0 != 0x09 }
            }
            guard let name = words.first,
                let coding = allCases.first(where: { $0.rawValue.utf8.elementsEqual(name) }),
                !words.dropFirst().contains(where: isZero)
            else { continue }
            accepted.append(coding)
        }
        return allCases.filter(accepted.contains)
    }

    /// `q=0`, `q=0.000`.
    private static func isZero(_ weight: [UInt8]) -> Bool {
        weight.starts(with: "q=0".utf8)
            && weight.dropFirst(3).allSatisfy { $0 == UInt8(ascii: ".") || $0 == UInt8(ascii: "0") }
    }
}
