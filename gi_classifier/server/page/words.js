// What the page says, in English and Chinese; the browser's language chooses, a button switches.

const WORDS = {
  subtitle: ["upper GI tract, lower, or neither", "上消化道、下消化道、均非"],
  docs: ["API", "接口说明"],
  other: ["中文", "English"],
  inputTitle: ["Records", "病历"],
  paste: ["Paste one record or many", "粘贴一条或多条病历"],
  pasteHint: ["Text of a record", "病历文本"],
  split: ["Records are separated by", "病历之间以什么分隔"],
  splitLine: ["a line end", "换行"],
  splitBlank: ["an empty line", "空行"],
  splitNone: ["nothing: it is one record", "不分隔：只有一条病历"],
  example: ["Take an example", "填入示例"],
  drop: [
    "Or drop, paste or choose a file: a table (.csv, .xlsx, .txt, .tsv, .jsonl), or a scan, photo or PDF of a report",
    "或拖入、粘贴、选择文件：表格（.csv、.xlsx、.txt、.tsv、.jsonl），或报告的扫描件、照片、PDF",
  ],
  photo: ["Take a photo", "拍照"],
  column: ["Column of the text", "文本所在列"],
  classify: ["Classify", "分类"],
  cancel: ["Cancel", "取消"],
  progress: ["Progress", "进度"],
  results: ["Results", "结果"],
  downloads: ["Download the results", "下载结果"],
  filters: ["Sort and filter", "排序与筛选"],
  order: ["Sort", "排序"],
  orderDoubt: ["most doubtful first", "最存疑的在前"],
  orderSure: ["surest first", "最确定的在前"],
  orderFile: ["as in the file", "按文件顺序"],
  orderLabel: ["by label", "按类别"],
  only: ["Label", "类别"],
  all: ["all", "全部"],
  unread: ["not read", "未读取"],
  withheld: ["no answer", "不作判断"],
  find: ["Find", "查找"],
  more: ["Show more", "显示更多"],
  keywordsGo: ["Keyword table", "关键词表"],
  reportGo: ["Report (.html)", "报告（.html）"],
  keywords: ["Keywords", "关键词"],
  keywordsNote: [
    "Words that decided for each label, over all records of the upload. Press a heading to sort.",
    "在全部上传病历中支持各类别的词。点击表头可排序。",
  ],
  keywordDownloads: ["Download the keywords", "下载关键词"],
  keywordTable: ["Table of keywords", "关键词列表"],
  keyword: ["keyword", "关键词"],
  label: ["label", "类别"],
  frequency: ["frequency", "次数"],
  documents: ["records", "记录数"],
  total: ["total score", "总得分"],
  share: ["share", "占比"],
  distinctiveness: ["distinctiveness", "区分度"],
  exampleHead: ["example", "例句"],
  why: ["Why?", "依据"],
  hide: ["Hide", "收起"],
  word: ["by word", "按词"],
  clause: ["by clause", "按小句"],
  unit: ["Show", "显示"],
  speaksFor: ["for", "支持"],
  speaksAgainst: ["against", "反对"],
  probability: ["probability", "概率"],
  line: ["line #", "第 # 行"],
  page: ["page #", "第 # 页"],
  scan: ["The page, coloured where words speak for or against the label", "页面，支持或反对该类别的文字已着色"],
  pagesFile: ["Pages (.html)", "页面（.html）"],
  unconverged: ["The scores do not add up within the tolerance.", "得分之和超出容差。"],
  tooLong: ["Records of more than 5,000 characters are not explained here.", "超过 5,000 字的病历不在此解释。"],
  recognising: ["Reading pages …", "正在识别页面……"],
  reading: ["Reading and classifying …", "正在读取并分类……"],
  counting: ["Explaining each record for the keywords …", "正在逐条解释以统计关键词……"],
  reporting: ["Writing the report …", "正在生成报告……"],
  nothing: ["Paste a record or choose a file first.", "请先粘贴病历或选择文件。"],
  oneFile: ["Give one file at a time.", "请一次只提供一个文件。"],
  badFile: ["This file's ending is not read here: ", "此处不读取该类文件："],
  cancelled: ["Cancelled.", "已取消。"],
  unreachable: ["The service does not answer. Is it still running?", "服务没有响应，是否仍在运行？"],
  tokenTitle: ["This service asks for a token", "此服务需要令牌"],
  token: ["Token", "令牌"],
  tokenSend: ["Continue", "继续"],
  tokenWrong: ["This token is not the right one.", "令牌不正确。"],
  caution: [
    "An aid for reading, not a diagnosis. Texts stay in this service's memory and are not kept.",
    "仅供阅读参考，并非诊断。文本只在本服务的内存中处理，不会保存。",
  ],
  "queue-full": ["Too much waits: try again in a moment.", "排队已满，请稍后再试。"],
  "jobs-full": ["Other uploads wait already: try again later.", "已有其他上传在等待，请稍后再试。"],
  "explaining-busy": ["Explaining is busy: try again in a moment.", "解释繁忙，请稍后再试。"],
  "explaining-too-slow": ["Explaining took too long.", "解释用时过长。"],
  "too-large": ["The file is too large for this page.", "文件过大，本页无法处理。"],
  "not-installed": ["This service lacks a part that this needs.", "此服务未安装所需的组件。"],
  "no-such-job": ["This result is no longer kept: classify again.", "结果已不再保留，请重新分类。"],
};

let place = (navigator.language || "en").toLowerCase().startsWith("zh") ? 1 : 0;

export const say = key => WORDS[key][place];
export const known = key => key in WORDS;
export const isChinese = () => place === 1;
export const switchLanguage = () => { place = 1 - place; };

// A label's name may be in both languages: "upper 上消化道".
export function labelName(name) {
  const found = /^([ -~]+) ([^ -~]+)$/.exec(name);
  return found ? found[place + 1] : name;
}

export function sayAll() {
  document.documentElement.lang = isChinese() ? "zh-CN" : "en";
  for (const one of document.querySelectorAll("[data-say]")) one.textContent = say(one.dataset.say);
  for (const one of document.querySelectorAll("[data-hint]")) one.placeholder = say(one.dataset.hint);
  for (const one of document.querySelectorAll("[data-name]")) one.setAttribute("aria-label", say(one.dataset.name));
}
