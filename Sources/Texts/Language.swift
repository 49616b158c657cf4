/// A language that texts can be told in. Every other one counts as English.
package enum Language: String, Sendable, CaseIterable {
    case english = "en_US"
    case simplifiedChinese = "zh_CN"
    case traditionalChinese = "zh_TW"
    case german = "de_DE"
    case spanish = "es_ES"
    case portuguese = "pt_BR"
    case russian = "ru_RU"
    case tamil = "ta_IN"
    case indonesian = "id_ID"
    case vietnamese = "vi_VN"

    /// - Parameter setting: the setting `language`, such as `zh_CN` or `zh-CN`.
    package init(setting: String) {
        let code = setting.utf8.map { $0 == UInt8(ascii: "-") ? UInt8(ascii: "_") : $0 }
        self = Self.allCases.first { $0.rawValue.utf8.elementsEqual(code) } ?? .english
    }
}
