/// The table of texts: for each language one file under `Translations`, from the English format to that language's.
///
/// A row has as many `%@` as its key, for the arguments in their order. What has no row is told in English. To add a
/// language: a case of ``Language``, a file beside the others and a line here.
package enum Translations {
    static let placeholder = "%@"

    /// The rows of a language; none for English.
    package static func table(of language: Language) -> [String: String] {
        switch language {
        case .english: [:]
        case .simplifiedChinese: simplifiedChinese
        case .traditionalChinese: traditionalChinese
        case .german: german
        case .spanish: spanish
        case .portuguese: portuguese
        case .russian: russian
        case .tamil: tamil
        case .indonesian: indonesian
        case .vietnamese: vietnamese
        }
    }

    /// What stands around the arguments in the language's own format; `nil` when it has none.
    static func pieces(for format: String, in language: Language) -> [String]? {
        table(of: language)[format].map { pieces(of: $0) }
    }

    /// A format cut at its placeholders.
    static func pieces(of format: String) -> [String] {
        var pieces: [[UInt8]] = [[]]
        var rest = Array(format.utf8)[...]
        while let byte = rest.first {
            if rest.starts(with: placeholder.utf8) {
                pieces.append([])
                rest = rest.dropFirst(2)
            } else {
                pieces[pieces.count - 1].append(byte)
                rest = rest.dropFirst()
            }
        }
        return pieces.map { String(decoding: $0, as: UTF8.self) }
    }
}
